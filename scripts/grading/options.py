"""The command line's flags."""

import argparse
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from grading.guide import FAILURE_THRESHOLD

LANGUAGES: Final = ("en", "ko")
MOST_CYCLES: Final = 20
MOST_REQUESTS: Final = 100

DESCRIPTION: Final = """Grade a running system that follows the workshop's guide, out of 100.

It resets the system's database to the seed prompt, injects bad prompts, sends requests, runs the
Optimizer, and looks at answers, rows and metrics. What was in the three tables is saved first.
"""
EXAMPLES: Final = """examples:
  python scripts/benchmark.py
  python scripts/benchmark.py --cycles 2 --requests 5 --output-dir reports --lang ko
  python scripts/benchmark.py --optimizer-command "python -m services.optimizer.app.main"
  python scripts/benchmark.py --json > result.json

exit codes: 0 graded, whatever the grade; 1 can't be graded; 2 wrong usage; 3 the database holds
data that don't look like a test's (--yes goes on); 130 interrupted
"""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the command line, checked and complete.

    Attributes:
        db_host: None where no flag names it; so are the other `db_` ones.
        optimizer_timeout: In seconds.
        request_timeout: In seconds.
    """

    manager_url: str
    worker_url: str
    evaluator_url: str
    api_key: str
    internal_token: str
    db_host: str | None
    db_port: int | None
    db_user: str | None
    db_name: str | None
    db_password: str | None
    cycles: int
    requests: int
    output_dir: Path
    optimizer_command: str
    optimizer_timeout: float
    request_timeout: float
    seed: int
    lang: str
    json: bool
    yes: bool
    keep_logs: bool


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """Read the flags; a wrong one ends the program with exit code 2."""
    parser = argparse.ArgumentParser(
        prog="benchmark.py",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    for number, service in enumerate(("manager", "worker", "evaluator")):
        url = f"http://localhost:{8000 + number}"
        add(f"--{service}-url", type=_url, default=url, metavar="URL", help=f"default: {url}")
    add(
        "--api-key",
        default=os.environ.get("SELFHEAL_API_KEY", ""),
        metavar="KEY",
        help="sent to the Manager as a Bearer, where it asks who calls; default: SELFHEAL_API_KEY "
        "(better than a flag, which ps shows)",
    )
    add(
        "--internal-token",
        default=os.environ.get("INTERNAL_TOKEN", ""),
        metavar="TOKEN",
        help="sent to Worker and Evaluator as X-Internal-Token; default: INTERNAL_TOKEN",
    )
    add("--db-host", help="default: PGHOST, else localhost")
    add("--db-port", type=_whole(1, 65535), help="default: PGPORT, else 5432")
    add("--db-user", help="default: PGUSER, else agent")
    add("--db-name", help="default: PGDATABASE, else agent_system")
    add(
        "--db-password", help="default: PGPASSWORD, else agent (better than a flag, which ps shows)"
    )
    add("--cycles", type=_whole(1, MOST_CYCLES), default=2, help="healing cycles (default: 2)")
    add(
        "--requests",
        type=_whole(FAILURE_THRESHOLD, MOST_REQUESTS),
        default=5,
        help="requests before and after each heal (default: 5)",
    )
    add("--output-dir", type=Path, default=Path("reports"), help="default: reports")
    add(
        "--optimizer-command",
        type=_command,
        default="docker compose run --rm optimizer",
        metavar="COMMAND",
        help="runs the Optimizer once (default: docker compose run --rm optimizer)",
    )
    add(
        "--optimizer-timeout",
        type=_seconds,
        default=600.0,
        metavar="SECONDS",
        help="longest run of the Optimizer (default: 600)",
    )
    add(
        "--request-timeout",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="longest wait for an answer (default: 60)",
    )
    add(
        "--seed",
        type=int,
        default=0,
        help="varies later cycles' prompts and tasks (default: 0)",
    )
    add("--lang", choices=LANGUAGES, default="en", help="language of the report")
    add("--json", action="store_true", help="print the report as JSON on standard output")
    add("--yes", action="store_true", help="go on where the database holds other data")
    add("--keep-logs", action="store_true", help="leave the rows of execution_logs")
    return Options(**vars(parser.parse_args(arguments)))


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        is_url = False
    if not is_url:
        raise argparse.ArgumentTypeError(f"{text!r} is no URL like http://localhost:8000")
    return text.rstrip("/")


def _command(text: str) -> str:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no command: {error}") from error
    if not words:
        raise argparse.ArgumentTypeError("the command is empty")
    return text


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:  # noqa: PLR2004 - a day
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


class _whole:  # noqa: N801 - a type of argparse
    """A whole number within limits."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def __call__(self, text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = self._least - 1
        if not self._least <= number <= self._most:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no whole number from {self._least} to {self._most}"
            )
        return number
