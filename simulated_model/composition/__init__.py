"""Composes the answer that instructions ask for: code, data or prose."""
