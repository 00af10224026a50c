"""Finds out which prompts fail, and whose fault it is."""
