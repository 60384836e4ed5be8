"""Where Hydra looks for the sweeper."""
