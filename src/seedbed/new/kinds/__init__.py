"""The kinds of study: a folder each, copied under a name of its own."""
