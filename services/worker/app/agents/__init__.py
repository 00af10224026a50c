"""The agents that the Worker runs."""
