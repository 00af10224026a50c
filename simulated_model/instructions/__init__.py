"""Reads a system prompt as a compliant model would."""
