"""Heals one prompt, from what is known to its end on record."""
