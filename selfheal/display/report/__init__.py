"""Lays out a run of the Optimizer for a person."""
