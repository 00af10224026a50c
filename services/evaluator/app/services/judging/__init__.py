"""The judges: one that grades by the rubric without a model, and one that asks a model."""
