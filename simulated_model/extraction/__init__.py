"""Answers requests to extract JSON from a text."""
