"""Reads what models write: which part is the answer, its fenced blocks, its JSON."""
