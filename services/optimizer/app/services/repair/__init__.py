"""Finds a repair: candidates, their contest, and the verdict on the best."""
