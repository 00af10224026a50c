"""The Evaluator's side of the jail: starts its processes, orders runs, replaces what is lost."""
