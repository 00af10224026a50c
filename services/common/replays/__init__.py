"""What is asked again outside the log."""
