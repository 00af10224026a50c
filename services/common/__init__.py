"""What the four services share; it knows none of them.

Each service's settings are a class in `config`.
"""
