"""A module for each of the guide's dimensions: what was seen in, deductions out."""
