"""What the four services share; it knows none of them."""
