"""How what is on record is put before a person, in a terminal or in a browser."""
