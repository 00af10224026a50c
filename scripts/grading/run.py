"""Runs the whole grading, in the guide's order; if it ends early, the prompts are put back."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from grading.cheating import find_cheating
from grading.database import tables
from grading.database.port import Database
from grading.errors import INTERRUPTED_EXIT_CODE, GradingError
from grading.insights import find_insights
from grading.masking import mask_secrets
from grading.observations import EVALUATOR, MANAGER, WORKER, CycleSeen, Observations
from grading.observing.preflight import require_a_system, require_consent
from grading.observing.procedure import observe
from grading.observing.services import Services
from grading.options import Options
from grading.progress import Say
from grading.result import Report, Target
from grading.scoring import make_cycles, make_requests, score_dimensions

BENCHMARK_VERSION: Final = "1.0"
# Ctrl-C, a request to end, and a terminal that is closed (which Windows doesn't have).
ENDING_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
BACKUP_FOLDER: Final = "backup-%Y%m%d-%H%M%S"


def grade(options: Options, database: Database, say: Say) -> Report:
    """Grade the system that the options name, and return the report.

    Raises:
        GradingError: If it can't be graded; its prompts are what they were then.
    """
    started = datetime.now(UTC)
    urls = {
        MANAGER: options.manager_url,
        WORKER: options.worker_url,
        EVALUATOR: options.evaluator_url,
    }
    services = Services(
        urls, timeout_seconds=options.request_timeout, credentials=choose_credentials(options)
    )
    say("asking the three services how they are ...")
    health = services.check_health()
    require_a_system(health, urls)
    tables.check_schema(database)
    require_consent(database, options)
    backup = options.output_dir / started.strftime(BACKUP_FOLDER)
    script = tables.dump(database, backup)
    say(f"the three tables are saved: {script} says how to put them back")
    with _putting_prompts_back(database, script, say):
        seed = tables.reset(database, keep_logs=options.keep_logs)
        say(f"the tables are reset to the seed prompt (version {seed.version})")
        seen = observe(options, services, database, health, say)
        if not _last_cycle_healed(seen.cycles):
            tables.activate(database, seed)
            say("the seed prompt is active again, as the last cycle healed nothing")
    return _report(options, database, seen, started, script)


def choose_credentials(options: Options) -> dict[str, dict[str, str]]:
    """Return the headers by which each service knows the benchmark."""
    token = {"X-Internal-Token": options.internal_token} if options.internal_token else {}
    key = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else {}
    return {MANAGER: key, WORKER: token, EVALUATOR: token}


def _report(
    options: Options, database: Database, seen: Observations, started: datetime, script: Path
) -> Report:
    cheating = find_cheating(seen)
    return Report(
        benchmark_version=BENCHMARK_VERSION,
        started_at=started.isoformat(timespec="seconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        target=Target(
            manager_url=mask_secrets(options.manager_url),
            worker_url=mask_secrets(options.worker_url),
            evaluator_url=mask_secrets(options.evaluator_url),
            database=database.description,
            optimizer_command=mask_secrets(options.optimizer_command),
        ),
        options={
            "cycles": options.cycles,
            "requests": options.requests,
            "seed": options.seed,
            "optimizer_timeout": options.optimizer_timeout,
            "request_timeout": options.request_timeout,
            "keep_logs": options.keep_logs,
        },
        dimensions=score_dimensions(seen, cheating),
        healthy=make_requests(seen.healthy),
        cycles=make_cycles(seen.cycles),
        cheating=cheating,
        insights=find_insights(seen),
        backup=str(script),
    )


@contextmanager
def _putting_prompts_back(database: Database, script: Path, say: Say) -> Iterator[None]:
    """Make `prompts` what it was, if what is inside doesn't come to its end."""
    rows = tables.read_all_prompts(database)
    try:
        yield
    except BaseException as error:  # Ctrl-C, and unforeseen errors, as well
        for number in ENDING_SIGNALS:  # once more would leave it half done
            signal.signal(number, signal.SIG_IGN)
        try:
            tables.put_prompts_back(database, rows)
        except GradingError as failure:
            say(f"the prompts could not be put back ({failure}): {script} does it")
            raise
        active = ", ".join(str(row["version"]) for row in rows if row["is_active"]) or "none"
        say(f"the prompts are what they were (active: version {active}); the logs are in {script}")
        if isinstance(error, KeyboardInterrupt):
            raise GradingError(
                "Interrupted; the prompts that were active are active again.",
                remedy=f"{script} puts the other tables back too.",
                exit_code=INTERRUPTED_EXIT_CODE,
            ) from error
        raise


def _last_cycle_healed(cycles: tuple[CycleSeen, ...]) -> bool:
    """Tell whether exactly one prompt is active, and it isn't the bad one."""
    active = cycles[-1].active
    return len(active) == 1 and active[0].content.strip() != cycles[-1].bad.content.strip()
