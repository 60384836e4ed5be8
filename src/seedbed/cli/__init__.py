"""The `seedbed` command: a file a verb."""
