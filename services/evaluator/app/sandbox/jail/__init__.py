"""The confined side of the sandbox: a process that forks one confined child for each run.

What a program may ask of the kernel is decided in `seccomp_filter`. Modules in here import the
standard library and one another, nothing else.
"""
