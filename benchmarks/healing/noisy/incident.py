"""Plays one incident on a whole system: users ask, the Optimizer looks, and so on to the end."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.healing.given_names import set_name_aside
from benchmarks.healing.lane.database import TASK_TYPE, HealingRun
from benchmarks.healing.lane.model_endpoint import ModelCondition
from benchmarks.healing.noisy.endpoint import NoisyEndpoint
from benchmarks.healing.noisy.plays import (
    DRIFT_PER_BATCH,
    HARMFUL_AT_ONCE,
    MOST_DRIFT,
    REGRESSION,
    RESTART,
)
from benchmarks.healing.noisy.records import (
    CANARY,
    PROMOTED,
    ROLLED_BACK,
    PlayRecord,
    is_recovered,
)
from benchmarks.healing.noisy.spoiling import is_right
from benchmarks.healing.noisy.stage import Candidate, Stage
from benchmarks.healing.runs.restart import wait_until_ready
from services.common.errors import DatabaseUnavailableError, ServiceError
from services.manager.app.services.refinement.rules import refine
from services.optimizer.app.runs import optimize

BATCH: Final = 12
CONCURRENCY: Final = 4
# Batches with which the versions before the incumbent, and a good incumbent, serve well.
BATCHES_BEFORE: Final = 2
# So many answers at least a promotion is followed by; more where it may be the watch's to undo.
FOLLOWED_ANSWERS: Final = 84
WATCHED_ANSWERS: Final = 600
# What no prompt is to blame for goes on for so long: a drift is at its worst for more than half of
# it, and seasons come twice.
LASTING_BATCHES: Final = 25
# A canary of a text that is a little worse takes hundreds of its own answers at a tenth of them.
MOST_BATCHES: Final = 400
# So many runs of the Optimizer are an incident at most.
MOST_RUNS: Final = 12
# After so many batches in which the Optimizer found no work an incident is over; a bad prompt's
# goes on for longer, since what is half repaired takes more answers to show it.
MOST_IDLE_BATCHES: Final = 4
MOST_IDLE_BATCHES_OF_REGRESSIONS: Final = 8
# Over this share of the traffic a candidate counts as serving; the database's own 0.1 isn't over.
COUNTING_SHARE: Final = 0.101
# The model calls of a run at one of which the database restarts.
RESTART_CALLS: Final = (1, 40)


class Incident(Stage):
    """Plays one play, on one lane."""

    async def run(self) -> PlayRecord:
        """Play it to the end."""
        lane = self._lane
        await lane.settle()
        started = time.monotonic()
        lane.endpoint.complete = NoisyEndpoint(self._model, self._play.proposals).complete
        try:
            await self._begin()
            first = await self._go_on()
        finally:
            lane.repair_everything()
        record = await self._record(first)
        record.seconds = round(time.monotonic() - started, 2)
        return record

    async def _begin(self) -> None:
        """Let the history serve, and then the incumbent; where that is good, it serves a while."""
        play, database = self._play, self._lane.database
        await database.reset((*play.history, play.incumbent)[0])
        for text in (*play.history, play.incumbent)[1:]:
            await self._ask(BATCHES_BEFORE * BATCH)
            await database.deploy(text)
        if play.changes:
            await self._ask(BATCHES_BEFORE * BATCH)
        self._lane.switch.condition = play.judge
        self._lane.endpoint.condition = play.provider
        self._is_disturbed = True
        self._answers = self._wrong = 0

    async def _go_on(self) -> str:
        """Let users ask and the Optimizer look in turn.

        Returns:
            What served after its first run, and after the canary that came of it.
        """
        first, idle = "", 0
        for _ in range(LASTING_BATCHES if self._play.lasts else MOST_BATCHES):
            if self._play.drifts:
                self._model.drift = min(MOST_DRIFT, self._model.drift + DRIFT_PER_BATCH)
            await self._ask(BATCH)
            serving = (await self._lane.database.serving()).content
            known = len(await self._lane.database.healing_runs())
            await self._look(restarts=self._play.restarts and not known)
            runs = await self._lane.database.healing_runs()
            self._candidates += [
                Candidate(serving, run.content)
                for run in runs[known:]
                if run.decision in (PROMOTED, CANARY)
            ]
            if await self._lane.database.canary_share() is not None:
                idle = 0  # no heal begins meanwhile
                continue
            if runs and not first:
                first = (await self._lane.database.serving()).content
            idle = idle + 1 if len(runs) == known else 0
            if await self._is_over(runs, idle):
                break
        return first or self._play.incumbent

    async def _look(self, *, restarts: bool) -> None:
        """Have the Optimizer look once; the database may restart at one of its model calls."""
        looking = asyncio.create_task(optimize(self._settings))
        if restarts:
            reached = asyncio.create_task(
                self._lane.endpoint.after_calls(self._chance.randint(*RESTART_CALLS)).wait()
            )
            await asyncio.wait((looking, reached), return_when=asyncio.FIRST_COMPLETED)
            reached.cancel()
            await self._lane.restart_database()
        try:
            await looking
        except ServiceError as error:
            if not (restarts and error.code == DatabaseUnavailableError.code):
                self._errors.append(error.code)
        if restarts:
            await wait_until_ready(self._lane)

    async def _is_over(self, runs: Sequence[HealingRun], idle: int) -> bool:
        if self._play.lasts:
            return False
        serving = (await self._lane.database.serving()).content
        if self._play.lane in (REGRESSION, RESTART):
            now, target = await self._appraise(serving), await self._appraise(self._play.target)
            is_idle = idle >= MOST_IDLE_BATCHES_OF_REGRESSIONS
            is_spent = is_idle or len(runs) >= MOST_RUNS
            return is_recovered(now, target) or is_spent
        if any(run.decision == ROLLED_BACK for run in runs):
            return True
        latest = self._candidates[-1] if self._candidates else None
        if latest is not None and latest.content == serving:
            is_watched = self._play.lane == HARMFUL_AT_ONCE
            return latest.answers >= (WATCHED_ANSWERS if is_watched else FOLLOWED_ANSWERS)
        return idle >= MOST_IDLE_BATCHES or len(runs) >= MOST_RUNS

    async def _ask(self, count: int) -> None:
        """Send requests, and note what serves meanwhile."""
        database = self._lane.database
        serving, share = await database.serving(), await database.canary_share()
        latest = self._candidates[-1] if self._candidates else None
        is_full = latest is not None and latest.content == serving.content
        asked = self._draw_requests(count, is_later=latest is not None)
        count, waiting = len(asked), iter(asked)
        wrong_versions: list[int] = []

        async def send() -> None:
            for text in waiting:
                reply = await self._lane.send(text)
                if reply is None:
                    continue
                answered, _ = set_name_aside(reply["worker_output"])
                refined, _ = set_name_aside(refine(text, task_type=TASK_TYPE))
                if not is_right(answered, refined):
                    wrong_versions.append(reply["prompt_version"])

        async with asyncio.TaskGroup() as senders:
            is_well = self._lane.endpoint.condition is ModelCondition.WELL
            for _ in range(CONCURRENCY if is_well else count):
                senders.create_task(send())
        self._answers += count
        self._wrong += len(wrong_versions)
        if latest is not None and (is_full or (share is not None and share > COUNTING_SHARE)):
            latest.answers += count
        if latest is not None and (is_full or share is not None):
            latest.wrong += sum(is_full or version != serving.version for version in wrong_versions)
