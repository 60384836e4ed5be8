"""Tasks: what to minimise, what to measure, as LightningModules around any net."""
