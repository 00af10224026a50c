"""Finds a repair: proposes candidates, chooses one, and proves it."""
