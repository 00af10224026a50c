"""The Optimizer service."""
