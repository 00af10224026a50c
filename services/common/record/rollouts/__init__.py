"""Rollouts: proven texts that serve a share of traffic before they serve all of it.

`rollout` reads them, `steps` lets them begin and go on, `endings` ends them. Each change is a
compare-and-set: of two who act at once, Optimizers or people, one does, and whoever is killed in
the middle has changed nothing.
"""
