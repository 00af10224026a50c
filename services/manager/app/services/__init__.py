"""What the Manager does, apart from HTTP."""
