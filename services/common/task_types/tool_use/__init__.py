"""The task type whose answers choose the right tool, with the right arguments."""
