"""Counts what is asked of models."""
