"""Commands about the log: what it shows, and all of it as a file."""
