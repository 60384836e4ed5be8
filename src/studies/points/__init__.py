"""Points on a curve: regression on one variable."""
