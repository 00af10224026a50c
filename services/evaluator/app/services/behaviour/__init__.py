"""What an answer's code is tried with, and what it did."""
