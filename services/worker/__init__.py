"""The Worker service."""
