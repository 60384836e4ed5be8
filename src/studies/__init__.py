"""The studies: a folder each, yours to change and to remove."""
