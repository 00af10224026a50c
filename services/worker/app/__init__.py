"""The Worker's application."""
