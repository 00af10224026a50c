"""Proves a repair: inputs, replays, and the decision from paired scores.

`paired_test` decides whether a candidate is better; what follows from it, `repair.gate` says.
"""
