"""Seedbed: small studies of how networks are trained, on one frame."""
