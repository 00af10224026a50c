"""One heal, from what is known to its end on record."""
