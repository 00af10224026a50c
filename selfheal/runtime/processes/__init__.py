"""Starts background processes, finds them again and stops them, without a supervisor."""
