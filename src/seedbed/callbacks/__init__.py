"""Callbacks: what happens around a fit's steps."""
