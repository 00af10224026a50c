"""Measures a judge by answers that are known to be right or wrong."""
