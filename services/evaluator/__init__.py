"""The Evaluator service."""
