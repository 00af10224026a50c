"""The task type whose answers are structured data, taken out of a text."""
