"""Scores the door's answers after they were given: chooses, claims, asks the Evaluator, writes."""
