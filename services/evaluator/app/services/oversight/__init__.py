"""Measures and watches the judge itself; nothing in here changes a score."""
