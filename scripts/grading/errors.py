"""Errors that stop a grading; each says why, and what to do."""

from typing import Final

CANNOT_GRADE_EXIT_CODE: Final = 1
USAGE_EXIT_CODE: Final = 2
NEEDS_YES_EXIT_CODE: Final = 3
INTERRUPTED_EXIT_CODE: Final = 130


class GradingError(Exception):
    """The system can't be graded: `str()` says why, `remedy` what to do."""

    exit_code = CANNOT_GRADE_EXIT_CODE

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class NothingListensError(GradingError):
    """None of the services answers at all."""


class DatabaseUnavailableError(GradingError):
    """The database can't be reached, or refuses us."""


class DatabaseStatementError(GradingError):
    """The database refuses a statement."""


class SchemaError(GradingError):
    """The database lacks what the guide's schema has."""


class NeedsYesError(GradingError):
    """There are data that don't look like a test's."""

    exit_code = NEEDS_YES_EXIT_CODE


class InterruptedGradingError(GradingError):
    """Somebody pressed Ctrl-C, or the process was told to end."""

    exit_code = INTERRUPTED_EXIT_CODE
