"""Finds the code in an answer, and reads facts off its syntax tree."""
