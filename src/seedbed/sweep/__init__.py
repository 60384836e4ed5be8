"""Sweeps: many runs of one study, each in a directory of its own, which together are the record."""
