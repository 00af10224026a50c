"""A cycle as the guide's phase 5 has it: bad prompt, requests, Optimizer, requests again."""

import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import Final

from grading.answers import is_score, is_whole
from grading.database import tables
from grading.database.port import Database, Row
from grading.dimensions.healing import broke, mean_score, pass_rate
from grading.guide import CyclePlan
from grading.observations import CycleSeen, Exchange, LogRow
from grading.observing.services import Services
from grading.optimizer_command import run_optimizer
from grading.options import Options
from grading.progress import Say

# How long a row may take to be seen, and how often it is looked for.
LOG_SECONDS: Final = 2.0
POLL_SECONDS: Final = 0.1
# Most bad prompts of a cycle; where all break nothing, later cycles try one each.
MOST_BAD_PROMPTS: Final = 4


class CycleRunner:
    """Runs cycles against one system."""

    def __init__(self, services: Services, database: Database, options: Options, say: Say) -> None:
        self._services = services
        self._database = database
        self._options = options
        self._say = say

    def send(self, tasks: Sequence[str]) -> tuple[Exchange, ...]:
        """Send requests one after another, and look their rows up."""
        sent = []
        for task in tasks:
            active = tables.read_active(self._database)
            version = active[0].version if len(active) == 1 else None
            sent.append(self._services.request(task, active_version=version))
        return self._with_rows(sent)

    def run(self, number: int, plan: CyclePlan, *, most_bad_prompts: int) -> CycleSeen:
        """Run one cycle and return what was seen."""
        tried, bad, known_ids, before = self._break(number, plan, most_bad_prompts)
        ids = [one.request_id for one in before if one.logged is not None]
        logged_before = len(tables.read_logged(self._database, ids))
        self._say(f"cycle {number}: running the Optimizer ...")
        run = run_optimizer(
            self._options.optimizer_command, timeout_seconds=self._options.optimizer_timeout
        )
        outcome = run.problem or f"exit code {run.exit_code}"
        self._say(f"cycle {number}: the Optimizer took {run.seconds:.1f} s ({outcome})")
        prompts_after = tuple(tables.read_prompts(self._database))
        logged_after = len(tables.read_logged(self._database, ids))
        reports_after = tables.count_reports(self._database)
        after = self.send(self._tasks_after(plan))
        self._say(f"cycle {number}: after the heal, {describe(after)}")
        return CycleSeen(
            number=number,
            tried=tried,
            bad=bad,
            before=before,
            optimizer=run,
            prompts_after=prompts_after,
            known_ids=known_ids,
            after=after,
            logged_before=logged_before,
            logged_after=logged_after,
            reports_after=reports_after,
        )

    def _break(
        self, number: int, plan: CyclePlan, most: int
    ) -> tuple[int, tables.Prompt, frozenset[int], tuple[Exchange, ...]]:
        """Inject bad prompts until one makes enough requests fail.

        The rows that were there are noted before the requests: an Optimizer that runs by itself
        may heal during them.
        """
        tried = 0
        while True:
            author = tables.MENTOR if number == 1 else tables.OPERATOR
            bad = tables.inject(self._database, plan.bad_prompts[tried], author=author)
            known_ids = frozenset(prompt.id for prompt in tables.read_prompts(self._database))
            tried += 1
            before = self.send([plan.task] * self._options.requests)
            self._say(f'cycle {number}: with "{bad.content[:50]}", {describe(before)}')
            if broke(before) or tried >= min(most, len(plan.bad_prompts)):
                return tried, bad, known_ids, before

    def _tasks_after(self, plan: CyclePlan) -> list[str]:
        """List the tasks after the heal: the same one again, and at the end others."""
        others = list(plan.other_tasks[: 1 if self._options.requests < 4 else 2])  # noqa: PLR2004
        return [plan.task] * (self._options.requests - len(others)) + others

    def _with_rows(self, sent: Sequence[Exchange]) -> tuple[Exchange, ...]:
        """Look for the requests' rows until all are there, or the time is over."""
        ids = [one.request_id for one in sent if one.succeeded and one.request_id]
        deadline = time.monotonic() + LOG_SECONDS
        rows = tables.read_logged(self._database, ids)
        while len(rows) < len(set(ids)) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            rows = tables.read_logged(self._database, ids)
        return tuple(
            replace(one, logged=make_log_row(row))
            if (row := rows.get(one.request_id)) is not None
            else one
            for one in sent
        )


def make_log_row(row: Row) -> LogRow:
    """Read a row of the log; a column of another type than the guide's counts as missing."""
    version, score = row["prompt_version"], row["evaluation_score"]
    passed = row["evaluation_passed"]
    return LogRow(
        prompt_version=version if is_whole(version) else None,
        score=score if is_score(score) else None,
        passed=passed if isinstance(passed, bool) else None,
    )


def describe(exchanges: Sequence[Exchange]) -> str:
    """Summarise requests in one line: pass rate, mean score, latency."""
    mean = mean_score(exchanges)
    scored = "no score" if mean is None else f"mean score {mean:.2f}"
    latency = fmean(one.reply.latency_ms for one in exchanges)
    return (
        f"{pass_rate(exchanges):.0%} of {len(exchanges)} requests pass ({scored}, {latency:.0f} ms)"
    )
