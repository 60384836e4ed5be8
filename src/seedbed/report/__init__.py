"""Reports: tables, pictures and a page of any runs, from their directories' files alone."""
