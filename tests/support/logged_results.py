"""Answers of the log, as the Optimizer reads them."""

from services.optimizer.app.services.log.log_records import LoggedResult


def rows(marks: str, *, fingerprint: str = "f", model: str = "m") -> tuple[LoggedResult, ...]:
    """Answers, the newest first: `+` passed, `-` failed."""
    return tuple(
        LoggedResult(
            "x",
            "x",
            0.9 if mark == "+" else 0.3,
            mark == "+",
            fingerprint=fingerprint,
            model=model,
        )
        for mark in marks
    )
