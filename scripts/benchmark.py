# /// script
# requires-python = ">=3.11"
# dependencies = ["asyncpg>=0.30"]
# ///
"""Grades a system that follows the workshop's guide: python scripts/benchmark.py --help."""

import sys

from grading.cli import main

if __name__ == "__main__":
    sys.exit(main())
