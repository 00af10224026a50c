"""Plays one incident on a whole system: users ask, the Optimizer looks, and so on to the end."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.healing.inputs import Pools
from benchmarks.healing.lane.database import TASK_TYPE, HealingRun
from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.lane.model_endpoint import ModelCondition
from benchmarks.healing.noisy.appraisal import Appraiser
from benchmarks.healing.noisy.endpoint import NoisyEndpoint
from benchmarks.healing.noisy.plays import (
    DRIFT_PER_BATCH,
    HARMFUL_AT_ONCE,
    MOST_DRIFT,
    REGRESSION,
    RESTART,
    Play,
)
from benchmarks.healing.noisy.records import (
    CANARY,
    PROMOTED,
    ROLLED_BACK,
    Heal,
    PlayRecord,
    Service,
    Worth,
    is_recovered,
)
from benchmarks.healing.noisy.spoiling import is_right
from benchmarks.healing.noisy.texts import Lexicon, find_group
from benchmarks.healing.runs.restart import wait_until_ready
from services.common.errors import DatabaseUnavailableError, ServiceError
from services.manager.app.services.refinement.rules import refine
from services.optimizer.app.runs import optimize

BATCH: Final = 12
# What a proven text serves: the steps of the autopilot, and for comparison all at once.
CANARY_STEPS, AT_ONCE = "0.1,0.5,1", "1"
CONCURRENCY: Final = 4
# Batches with which the versions before the incumbent, and a good incumbent, serve well.
BATCHES_BEFORE: Final = 2
# So many answers at least a promotion is followed by.
FOLLOWED_ANSWERS: Final = 84
MOST_BATCHES: Final = 80
# After so many batches in which the Optimizer found no work an incident is over.
MOST_IDLE_BATCHES: Final = 4
# From this share of the traffic on a candidate counts as serving.
COUNTING_SHARE: Final = 0.1
# The model calls of a run at one of which the database restarts.
RESTART_CALLS: Final = (1, 40)
# Pairs of the gate that asks for no more than a greater mean.
FIXED_GATE_PAIRS: Final = 20
# Of the requests that the simulated model has no answer to, so many are among the others.
HARD_REQUESTS: Final = 4
WORDS: Final = (
    *("amber", "basalt", "cedar", "delta", "ember", "fjord", "garnet", "harbor", "indigo"),
    *("juniper", "kelp", "lagoon", "maple", "nectar", "onyx", "pebble", "quartz", "river"),
)


@dataclass(frozen=True, slots=True)
class NoisyBench:
    """What all plays share.

    Attributes:
        pools: The requests.
        appraiser: Knows what prompts are worth.
        lexicon: The words that matter.
    """

    pools: Pools
    appraiser: Appraiser
    lexicon: Lexicon


@dataclass(slots=True)
class _Candidate:
    """A text that passed the gate, and what it did since."""

    before: str
    content: str
    answers: int = 0
    wrong: int = 0


class Incident:
    """One play, on one lane."""

    def __init__(self, lane: Lane, play: Play, bench: NoisyBench) -> None:
        self._lane = lane
        self._play = play
        self._bench = bench
        self._chance = play.chance()
        self._model = play.make_model(bench.lexicon)
        steps = AT_ONCE if play.lane == HARMFUL_AT_ONCE else CANARY_STEPS
        self._settings = lane.settings.model_copy(update={"canary_steps": steps})
        self._candidates: list[_Candidate] = []
        self._answers = self._wrong = 0
        self._is_disturbed = False
        self._errors: list[str] = []
        self.seconds_to_share: float | None = None
        self.seconds_to_all: float | None = None

    async def run(self) -> PlayRecord:
        """Play it to the end."""
        started = time.monotonic()
        lane = self._lane
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
        """Let users ask and the Optimizer look in turn; returns what served after its first run."""
        first, idle = "", 0
        for _ in range(MOST_BATCHES):
            if self._play.drifts:
                self._model.drift = min(MOST_DRIFT, self._model.drift + DRIFT_PER_BATCH)
            await self._ask(BATCH)
            serving = (await self._lane.database.serving()).content
            known = len(await self._lane.database.healing_runs())
            await self._look(restarts=self._play.restarts and not first)
            runs = await self._lane.database.healing_runs()
            self._candidates += [
                _Candidate(serving, run.content)
                for run in runs[known:]
                if run.decision in (PROMOTED, CANARY)
            ]
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
        if await self._lane.database.canary_share() is not None:
            return False
        serving = (await self._lane.database.serving()).content
        if self._play.lane in (REGRESSION, RESTART):
            now, target = await self._appraise(serving), await self._appraise(self._play.target)
            is_spent = idle >= MOST_IDLE_BATCHES or len(runs) >= self._play.heals
            return is_recovered(now, target) or is_spent
        if any(run.decision == ROLLED_BACK for run in runs):
            return True
        latest = self._candidates[-1] if self._candidates else None
        if latest is not None and latest.content == serving:
            return latest.answers >= FOLLOWED_ANSWERS
        return idle >= MOST_IDLE_BATCHES or len(runs) >= self._play.heals

    async def _ask(self, count: int) -> None:
        """Send requests, and note what serves meanwhile."""
        database = self._lane.database
        serving, share = await database.serving(), await database.canary_share()
        latest = self._candidates[-1] if self._candidates else None
        is_full = latest is not None and latest.content == serving.content
        waiting = iter(self._draw_requests(count, is_later=latest is not None))
        wrong_versions: list[int] = []

        async def send() -> None:
            for text in waiting:
                reply = await self._lane.send(text)
                refined = refine(text, task_type=TASK_TYPE)
                if reply is not None and not is_right(reply["worker_output"], refined):
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

    def _draw_requests(self, count: int, *, is_later: bool) -> list[str]:
        """Draw what users ask: known tasks and unknown ones, under names of their own."""
        play = self._play
        asks = play.asks_later if is_later else play.asks
        pool = (*self._bench.pools.live, *self._bench.pools.hard[:HARD_REQUESTS])
        groups = [find_group(refine(text, task_type=TASK_TYPE)) for text in pool]
        weights = [asks[group] / groups.count(group) for group in groups]
        if play.hardens and self._is_disturbed:
            weights = [
                weight * self._model.difficulty(text) ** 2
                for weight, text in zip(weights, pool, strict=True)
            ]
        drawn = self._chance.choices(pool, weights, k=count)
        garbage: list[str] = []
        if play.floods and self._is_disturbed:
            garbage = self._chance.choices(self._bench.pools.flood[:1], k=count)
        return garbage + [
            f"{text} Call it {'_'.join(self._chance.sample(WORDS, 2))}." for text in drawn
        ]

    async def _appraise(self, text: str) -> Worth:
        return await self._bench.appraiser.appraise(
            self._lane, self._model, text, self._play.asks_later
        )

    async def _record(self, first: str) -> PlayRecord:
        """Record the play, with what every text in it is worth."""
        play, database = self._play, self._lane.database
        runs = await database.healing_runs()
        naive = play.proposals[0] if play.proposals else ""
        return PlayRecord(
            lane=play.lane,
            name=play.name,
            mixture=play.mixture,
            mode=play.mode,
            seed=play.seed,
            fault=play.fault,
            good=await self._appraise(play.good),
            last_good=await self._appraise(play.history[-1]) if play.history else None,
            empty=await self._appraise(""),
            before=await self._appraise(play.incumbent),
            first=await self._appraise(first),
            after=await self._appraise((await database.serving()).content),
            heals=[await self._describe(run) for run in runs],
            services=[await self._follow(one, runs) for one in self._candidates],
            answers=self._answers,
            wrong=self._wrong,
            naive=await self._appraise(naive) if naive else None,
            fixed_gate_passes=bool(naive) and await self._passes_fixed_gate(naive),
            errors=self._errors,
            active_prompts=await database.count_active(),
            seconds_to_share=self.seconds_to_share,
            seconds_to_all=self.seconds_to_all,
        )

    async def _describe(self, run: HealingRun) -> Heal:
        incumbent = await self._lane.database.content_of(run.prompt_id)
        judged = run.detail.get("verdict")
        return Heal(
            decision=run.decision,
            reason=run.reason,
            verdict=run.verdict,
            strategy=run.strategy if judged else "",
            incumbent=await self._appraise(incumbent),
            candidate=await self._appraise(run.content) if judged else None,
            passed=bool(judged and judged["promote"]),
            calls=run.calls,
        )

    async def _follow(self, one: _Candidate, runs: Sequence[HealingRun]) -> Service:
        """Tell what became of a candidate that passed the gate."""
        decisions = [run.decision for run in runs if run.content == one.content]
        if (await self._lane.database.serving()).content == one.content:
            stopped_by = ""
        elif PROMOTED not in decisions:
            stopped_by = "canary"
        else:
            stopped_by = "watch" if any(run.decision == ROLLED_BACK for run in runs) else "heal"
        return Service(
            before=await self._appraise(one.before),
            worth=await self._appraise(one.content),
            answers=one.answers,
            wrong=one.wrong,
            stopped_by=stopped_by,
        )

    async def _passes_fixed_gate(self, content: str) -> bool:
        """Tell whether a greater mean on 20 live inputs would have let a text serve."""
        gain = 0.0
        for text in self._draw_requests(FIXED_GATE_PAIRS, is_later=False):
            refined = refine(text, task_type=TASK_TYPE)
            for prompt, sign in ((content, 1), (self._play.incumbent, -1)):
                answered = self._model.draw(prompt, refined).text
                seen = await self._bench.appraiser.view(self._lane, text, answered)
                gain += sign * seen.score
        return gain > 0
