"""Composes the answer that the instructions ask for."""
