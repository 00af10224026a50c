"""Turns what a user typed into the request that the Worker gets."""
