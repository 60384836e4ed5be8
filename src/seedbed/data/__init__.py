"""Data: fetch it, split it, and hand it out in whole batches."""
