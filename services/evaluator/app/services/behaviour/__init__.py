"""What an answer's code is tried with, and what it did.

What to try is planned in `plan`; what came back is compared in `assessment`.
"""
