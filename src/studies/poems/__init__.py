"""Classical Chinese verse: a net that writes it, character by character."""
