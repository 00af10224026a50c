"""Reads the instructions in a system prompt, as a compliant model would."""
