"""What `selfheal tasks new` copies."""
