"""What the Evaluator does, apart from HTTP."""
