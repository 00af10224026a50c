"""The pages, a module each: what is asked for, and which template shows it."""
