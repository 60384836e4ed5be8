"""Sweeps: many runs of one study, each in a directory of its own, which together are the record."""

RECORD = "sweep.yaml"
"""The file by which a directory is a sweep's."""
