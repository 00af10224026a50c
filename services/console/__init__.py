"""The console: what happened, seen at a glance, and the way to undo it."""
