"""Asks everything of the graded system, in the guide's order, and notes what came back."""
