"""What runs on the far side: a process that forks one confined child for each run.

Only the standard library is imported here, and of our own nothing but this package.
"""
