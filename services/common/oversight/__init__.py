"""What Evaluators know of judges and of themselves, as it goes from one to the others."""
