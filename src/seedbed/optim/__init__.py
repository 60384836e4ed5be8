"""Optimizers, schedules and initial weights, for any net."""
