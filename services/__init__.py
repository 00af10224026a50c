"""The four services of the Self-Healing Agent System and what they share."""
