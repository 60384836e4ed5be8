"""Runs: a directory each, made once, executed, and resumed by executing it again."""
