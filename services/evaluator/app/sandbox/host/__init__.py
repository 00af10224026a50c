"""The Evaluator's side of the jail: starts it, orders runs, survives its loss."""
