"""The Manager service."""
