"""Keeps what heals tried and decided, and brings it into effect."""
