"""Handwritten digits: which of ten an image shows."""
