"""What the Worker does, apart from HTTP."""
