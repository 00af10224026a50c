"""Checks before anything is changed, and asks for the user's consent where it needs it."""

from collections.abc import Mapping
from typing import Final

from grading.database import tables
from grading.database.port import Database
from grading.errors import NEEDS_YES_EXIT_CODE, GradingError
from grading.guide import TASK_TYPE
from grading.http import Reply
from grading.options import Options

MOST_LOG_ROWS: Final = 1000


def require_a_system(health: Mapping[str, Reply], urls: Mapping[str, str]) -> None:
    """See that at least one service answers at all; a half-up system is graded.

    Raises:
        GradingError: If none does.
    """
    if all(reply.status is None for reply in health.values()):
        tried = ", ".join(f"{name} at {urls[name]}" for name in health)
        raise GradingError(
            f"No service answers: {tried}.",
            remedy="Start the system (docker compose up -d), or name it with --manager-url, "
            "--worker-url and --evaluator-url.",
        )


def require_consent(database: Database, options: Options) -> None:
    """Ask for `--yes` where the database holds more than a workshop leaves behind.

    Raises:
        GradingError: If it does and `--yes` wasn't given.
    """
    others, logged = tables.count_foreign_data(database)
    reasons = []
    if others:
        reasons.append(f"{others} prompts of task types other than {TASK_TYPE}")
    if logged > MOST_LOG_ROWS and not options.keep_logs:
        reasons.append(f"{logged} rows of execution_logs")
    if reasons and not options.yes:
        raise GradingError(
            f"The database at {database.description} holds {' and '.join(reasons)}, which the "
            "benchmark would delete.",
            remedy="If that is meant, add --yes: the tables are dumped first. Else name another "
            "database with --db-host, --db-port and --db-name.",
            exit_code=NEEDS_YES_EXIT_CODE,
        )
