"""The stage of one play: a lane with its model, what users ask there, and the record of it all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.healing.given_names import draw_name
from benchmarks.healing.inputs import Pools
from benchmarks.healing.lane.database import TASK_TYPE, HealingRun
from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.noisy.appraisal import Appraiser
from benchmarks.healing.noisy.plays import HARMFUL_AT_ONCE, Play
from benchmarks.healing.noisy.records import (
    BY_CANARY,
    BY_HEAL,
    BY_WATCH,
    CANARY,
    PROMOTED,
    ROLLED_BACK,
    UNDECIDED,
    Heal,
    PlayRecord,
    Service,
    Worth,
)
from benchmarks.healing.noisy.texts import Lexicon, find_group
from services.manager.app.services.refinement.rules import refine

# What a proven text serves: the steps of the autopilot, and for comparison all at once.
CANARY_STEPS, AT_ONCE = "0.1,0.5,1", "1"
# Pairs of the gate that asks for no more than a greater mean.
FIXED_GATE_PAIRS: Final = 20
# Of the requests that the simulated model has no answer to, so many are among the others.
HARD_REQUESTS: Final = 4
# A season of what users ask, and then one of the other kind.
SEASON_ANSWERS: Final = 72


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
class Candidate:
    """A text that passed the gate, and what it did since."""

    before: str
    content: str
    answers: int = 0
    wrong: int = 0


class Stage:
    """Holds what one play needs.

    Args:
        lane: Where it is played.
        bench: What all plays share.
    """

    def __init__(self, lane: Lane, play: Play, bench: NoisyBench) -> None:
        self._lane = lane
        self._play = play
        self._bench = bench
        self._chance = play.chance()
        self._model = play.make_model(bench.lexicon)
        steps = AT_ONCE if play.lane == HARMFUL_AT_ONCE else CANARY_STEPS
        self._settings = lane.settings.model_copy(update={"canary_steps": steps})
        self._candidates: list[Candidate] = []
        self._answers = self._wrong = 0
        self._is_disturbed = False
        self._errors: list[str] = []
        self.seconds_to_share: float | None = None
        self.seconds_to_all: float | None = None

    def _draw_requests(self, count: int, *, is_later: bool) -> list[str]:
        """Draw what users ask: known tasks and unknown ones, under names of their own."""
        play = self._play
        asks = play.asks_later if is_later else play.asks
        pool = (*self._bench.pools.live, *self._bench.pools.hard[:HARD_REQUESTS])
        groups = [find_group(refine(text, task_type=TASK_TYPE)) for text in pool]
        weights = [asks[group] / groups.count(group) for group in groups]
        is_hard = self._answers // SEASON_ANSWERS % 2 == 0
        if play.hardens and self._is_disturbed and is_hard:
            weights = [
                weight * self._model.difficulty(text) ** 2
                for weight, text in zip(weights, pool, strict=True)
            ]
        drawn = self._chance.choices(pool, weights, k=count)
        garbage: list[str] = []
        if play.floods and self._is_disturbed:
            garbage = self._chance.choices(self._bench.pools.flood[:1], k=count)
        return garbage + [f"{text} Call it {draw_name(self._chance)}." for text in drawn]

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

    async def _follow(self, one: Candidate, runs: Sequence[HealingRun]) -> Service:
        """Tell what became of a candidate that passed the gate."""
        decisions = [run.decision for run in runs if run.content == one.content]
        if (await self._lane.database.serving()).content == one.content:
            stopped_by = ""
        elif CANARY in decisions:
            stopped_by = UNDECIDED
        elif PROMOTED not in decisions:
            stopped_by = BY_CANARY
        else:
            is_undone = any(run.decision == ROLLED_BACK for run in runs)
            stopped_by = BY_WATCH if is_undone else BY_HEAL
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
