"""A run in any sandbox: what it may ask for and use, and what it leaves behind."""
