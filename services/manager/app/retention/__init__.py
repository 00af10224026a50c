"""Removes what the retention settings no longer keep: rows of the log, and the texts in them."""
