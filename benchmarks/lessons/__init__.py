"""The lessons' own programs, plainly written: what everything here is measured against."""
