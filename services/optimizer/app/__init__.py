"""The Optimizer's application."""
