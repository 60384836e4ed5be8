"""The study NAME: a language model of characters."""
