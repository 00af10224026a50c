"""Counts what was logged by five minutes, for the console: one Manager at a time."""
