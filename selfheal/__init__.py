"""The command line and the embedded runtime of the Self-Healing Agent System."""
