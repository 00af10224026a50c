# /// script
# requires-python = ">=3.11"
# dependencies = ["asyncpg>=0.30"]
# ///
"""Grades a system that follows the workshop's guide: python scripts/benchmark.py --help."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - users of an older one are told so in a sentence
    sys.exit("error: the benchmark needs Python 3.11 or later, and this is an older one.")

from grading.cli import main

if __name__ == "__main__":
    sys.exit(main())
