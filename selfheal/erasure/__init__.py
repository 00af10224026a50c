"""Takes a person's texts out of all that is kept here."""
