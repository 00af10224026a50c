"""The Manager's application."""
