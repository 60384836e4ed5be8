"""The study NAME: a curve through noisy points."""
