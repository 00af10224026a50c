"""Proves a repair: inputs, replays, and the decision from paired scores."""
