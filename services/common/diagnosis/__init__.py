"""What works and what doesn't, with the remedy."""
