"""Pages to play with a run: Gradio over what `predict` and `generate` do; the extra `demo`."""
