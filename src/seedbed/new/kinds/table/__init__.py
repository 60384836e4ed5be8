"""The study NAME: a column of a table, from its other columns."""
