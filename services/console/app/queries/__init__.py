"""What the pages read of the database; a module each, and nothing here writes."""
