"""Grades a system that follows the workshop's guide, out of 100, as a black box."""
