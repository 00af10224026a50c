"""Runs untrusted code where it can reach nothing, and says what came back."""
