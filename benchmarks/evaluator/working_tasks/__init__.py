"""A set of tasks that no rule of the Evaluator was written on: its tasks, answers and figures."""
