"""The studies that the frame's tests use in place of shipped ones, which may be removed."""
