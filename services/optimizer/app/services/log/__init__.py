"""Reads the execution log: results, failures, groups of like inputs."""
