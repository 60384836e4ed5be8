"""What a run keeps, as files: directory, state, checkpoint."""
