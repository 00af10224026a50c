"""Shows records to a person in a terminal, whatever others wrote into them."""
