"""Writes what isn't code: introductions, explanations, refusals, poems."""

SUBJECTS: dict[str, str] = {}
