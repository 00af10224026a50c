"""Looks at every active prompt: which need work now, and what is known of each. Changes nothing."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

import asyncpg

from services.common.logging import get_logger
from services.common.models import Prompt
from services.common.record.prompts import load_active_prompts
from services.optimizer.app.services.diagnosis.attribution import (
    attribute_from_log,
    blame_degraded_evaluator,
)
from services.optimizer.app.services.diagnosis.evaluator_condition import EvaluatorCondition
from services.optimizer.app.services.diagnosis.healing_case import Case, Draft
from services.optimizer.app.services.diagnosis.read_failures import read_failures
from services.optimizer.app.services.log.failure_log import load_served, load_window
from services.optimizer.app.services.log.prompt_history import load_previous_record
from services.optimizer.app.services.log_analyzer import analyze_failures

FindCondition = Callable[[], Awaitable[EvaluatorCondition]]
FindPause = Callable[[asyncpg.Connection, Case], Awaitable[str]]

log = get_logger()


@dataclass(frozen=True, slots=True)
class Trigger:
    """When failures count as piled up: how many of them, within how many minutes."""

    failure_threshold: int
    lookback_minutes: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What a look at all active prompts found.

    Attributes:
        postponed: Task types that are left alone for now.
    """

    cases: list[Case]
    postponed: list[str]


@dataclass(frozen=True, slots=True)
class Surveyor:
    """Finds the prompts that need work.

    Attributes:
        find_condition: Tells how the Evaluator is.
        find_pause: Tells why a case is left alone for now, in an empty text where it isn't. It is
            asked before rows are read one by one: the case has all failing inputs, no texts yet.
    """

    trigger: Trigger
    find_condition: FindCondition
    find_pause: FindPause

    async def survey(
        self, connection: asyncpg.Connection, *, besides: Collection[str] = ()
    ) -> Survey:
        """Look at every active prompt; changes nothing.

        Args:
            besides: Task types that are left alone, since they are being healed.
        """
        found = Survey([], [])
        for prompt in await load_active_prompts(connection):
            if prompt.task_type in besides:
                found.postponed.append(prompt.task_type)
                continue
            case = await self._examine(connection, prompt)
            if case is None:
                continue
            pause = await self.find_pause(connection, case)
            if pause:
                found.postponed.append(prompt.task_type)
                log.info("heal_postponed", task_type=prompt.task_type, reason=pause)
            else:
                found.cases.append(_read_rows(case))
        return found

    async def take_draft(
        self, connection: asyncpg.Connection, prompt: Prompt, draft: Draft
    ) -> Case:
        """Look at the prompt in whose place a person's text is to be proven, whatever fails."""
        window = await load_window(
            connection, prompt, lookback_minutes=self.trigger.lookback_minutes
        )
        analysis = analyze_failures(window.results, threshold=self.trigger.failure_threshold)
        condition = await self.find_condition()
        found = blame_degraded_evaluator() if condition.is_degraded else None
        return read_failures(Case(prompt, window, analysis, attribution=found, draft=draft))

    async def _examine(self, connection: asyncpg.Connection, prompt: Prompt) -> Case | None:
        """Look at a prompt before a row is read; None where nothing is to be done about it."""
        window = await load_window(
            connection, prompt, lookback_minutes=self.trigger.lookback_minutes
        )
        threshold = self.trigger.failure_threshold
        analysis = analyze_failures(window.results, threshold=threshold)
        if not analysis.reaches_floor:
            found = attribute_from_log(window, analysis)
            return Case(prompt, window, analysis, attribution=found) if found else None
        # Are so many failures unusual, or the fault of another than the prompt?
        previous = await load_previous_record(
            connection, prompt, fingerprint=window.fingerprint, model=window.model
        )
        served = await load_served(connection, prompt, window)
        analysis = analyze_failures(
            window.results, threshold=threshold, served=served, usual=[previous]
        )
        condition = await self.find_condition()
        found = attribute_from_log(window, analysis, evaluator_degraded=condition.is_degraded)
        if found is None and not analysis.needs_optimization:
            log.info(
                "failures_not_surprising",
                task_type=prompt.task_type,
                failures=analysis.failure_count,
                answers=analysis.scored_count,
                e_value=round(analysis.surprise.e_value, 2),
                alarm_at=round(analysis.surprise.alarm_at),
            )
            return None
        return Case(prompt, window, analysis, attribution=found)


def _read_rows(case: Case) -> Case:
    """Read rows one by one, which takes long and so comes last."""
    if not case.analysis.reaches_floor:
        return case
    read = read_failures(case)
    if read.quarantined:
        log.warning(
            "rows_quarantined", task_type=case.incumbent.task_type, rows=len(read.quarantined)
        )
    return read
