"""What the Optimizer does, apart from HTTP."""
