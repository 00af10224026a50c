"""Judges: the rubric's, which needs no model, and a model's."""
