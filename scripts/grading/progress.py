"""Prints each step on standard error as it is taken, so that the screen isn't silent for long."""

import sys
from collections.abc import Callable

Say = Callable[[str], None]


def say(line: str) -> None:
    """Print a line at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
