"""Errors that stop a grading; each says why, and what to do."""

from typing import Final

CANNOT_GRADE_EXIT_CODE: Final = 1
USAGE_EXIT_CODE: Final = 2
NEEDS_YES_EXIT_CODE: Final = 3
INTERRUPTED_EXIT_CODE: Final = 130


class GradingError(Exception):
    """The system can't be graded: `str()` says why, `remedy` what to do."""

    def __init__(
        self, message: str, *, remedy: str, exit_code: int = CANNOT_GRADE_EXIT_CODE
    ) -> None:
        super().__init__(message)
        self.remedy = remedy
        self.exit_code = exit_code


class DatabaseUnavailableError(GradingError):
    """The database can't be reached, or refuses us."""


class DatabaseStatementError(GradingError):
    """The database refuses a statement."""
