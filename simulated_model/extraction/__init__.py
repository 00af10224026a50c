"""Reads requests for data out of a text, and takes the data out of it."""
