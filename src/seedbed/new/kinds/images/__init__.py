"""The study NAME: which class an image is of."""
