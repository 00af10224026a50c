"""The Evaluator's application."""
