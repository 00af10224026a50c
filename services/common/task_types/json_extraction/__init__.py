"""Judging structured data that was taken out of a text."""
