"""Looks after rollouts: judges what serves a share of traffic, and lets it go on or ends it.

`evidence` pairs answers, `judge` decides by the pairs, `looking_after` does what follows.
"""
