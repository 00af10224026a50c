"""What calls of models cost: prices, bills, and what was spent by the hour."""
