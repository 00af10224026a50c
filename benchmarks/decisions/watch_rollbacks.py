"""Whole watches: how often harm is rolled back, after how many answers, for how many calls.

The replaced version left a few scored answers; the promoted one answers 12 requests after another.
After each dozen the watch looks, by its own rules: live pairs, the mean at first sight, and what
was replayed so far. Replays are fresh draws, or what a deterministic model would say again. In the
rows "each look" every look that has answers enough is an alarm, as under traffic that no prompt can
serve. No model, no service, no database.

examples:
  python -m benchmarks.decisions.watch_rollbacks
  python -m benchmarks.decisions.watch_rollbacks --watches 1000
"""

import argparse
import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any, cast

from typing_extensions import override

from benchmarks.decisions.watch_power import draw_score
from services.common.proof.betting import alpha_of
from services.optimizer.app.services.aftercare.pairing import LivePair
from services.optimizer.app.services.aftercare.watch import (
    MAX_REPLAYED,
    MAX_REPLAYED_AGAIN,
    WORSE,
    find_least_answers,
    judge_pairs,
    seems_worse,
)
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.paired_run import run_pairs
from services.optimizer.app.services.proof.replay_results import GUARD, ReplayInput, ReplayResult
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.wagers import LEAST_FRESH, Wager, WagerBook

SEED = 50
ANSWERS, BATCH = 600, 12
PASS_SCORE = 0.7
PROMOTED, OTHER = "promoted", "other"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What both versions pass, and how much the other one left behind.

    Attributes:
        record: Scored answers of the version that was replaced.
        repeats: Whether the promoted text answers a replay as it answered live.
        is_always_alarming: Whether each look is an alarm that has answers enough.
    """

    title: str
    promoted: float
    other: float
    record: int
    repeats: bool = False
    is_always_alarming: bool = False


SCENARIOS = (
    Scenario("worse, 0.34 for 0.57", 0.34, 0.57, 12),
    Scenario("worse, 0.34 for 0.57", 0.34, 0.57, 24),
    Scenario("worse, 0.34 for 0.57", 0.34, 0.57, 48),
    Scenario("worse, 0.34 for 0.57", 0.34, 0.57, 96),
    Scenario("worse, 0.5 for 0.9", 0.5, 0.9, 48),
    Scenario("worse, 0.8 for 0.9", 0.8, 0.9, 96),
    Scenario("as good, 0.34", 0.34, 0.34, 12),
    Scenario("as good, 0.34", 0.34, 0.34, 48),
    Scenario("as good, 0.57", 0.57, 0.57, 12),
    Scenario("as good, 0.57", 0.57, 0.57, 24),
    Scenario("as good, 0.57", 0.57, 0.57, 48),
    Scenario("as good, 0.8", 0.8, 0.8, 48),
    Scenario("as good, 0.95", 0.95, 0.95, 48),
    Scenario("as good, 0.57, the same again", 0.57, 0.57, 48, repeats=True),
    Scenario("as good, 0.57, each look", 0.57, 0.57, 48, is_always_alarming=True),
    Scenario("as good, 0.9, each look", 0.9, 0.9, 48, is_always_alarming=True),
)


@dataclass(slots=True)
class Draws:
    """Stands for `TextReplays`: draws scores."""

    chance: random.Random
    scenario: Scenario
    live: dict[str, float]
    calls: int = 0
    calls_left: int = 1_000_000
    results: dict[str, dict[str, ReplayResult]] = field(default_factory=dict)

    async def run(self, content: str, inputs: Sequence[ReplayInput]) -> dict[str, ReplayResult]:
        """Answer each input once under a text."""
        self.calls += len(inputs)
        for item in inputs:
            score = self.live[item.id]
            if content == OTHER or not self.scenario.repeats:
                rate = self.scenario.other if content == OTHER else self.scenario.promoted
                score = draw_score(self.chance, rate, self.chance.random())
            result = ReplayResult(score, score >= PASS_SCORE, "")
            self.results.setdefault(content, {})[item.id] = result
        return {item.id: self.results[content][item.id] for item in inputs}

    def known(self, content: str) -> dict[str, ReplayResult]:
        """Return all results of a text so far."""
        return self.results.get(content, {})


@dataclass(slots=True)
class Watched:
    """One watch, as far as it has gone."""

    chance: random.Random
    scenario: Scenario
    old: list[LoggedResult] = field(default_factory=list)
    live: list[LoggedResult] = field(default_factory=list)
    wager: Wager = field(default_factory=lambda: Wager(alpha_of(1), number=1))
    dismissed: list[int] = field(default_factory=list)
    cleared: int = 0
    calls: int = 0

    async def run(self) -> bool:
        """Tell whether the promotion is undone."""
        self.old = [self._answer(self.scenario.other, at) for at in range(self.scenario.record)]
        while len(self.live) < ANSWERS:
            self.live += [
                self._answer(self.scenario.promoted, len(self.live) + at) for at in range(BATCH)
            ]
            if self._is_alarming() and await self._confirm():
                return True
        return False

    def _answer(self, rate: float, at: int) -> LoggedResult:
        score = draw_score(self.chance, rate, self.chance.random())
        return LoggedResult(f"request {at}", f"request {at}", score, score >= PASS_SCORE)

    def _is_alarming(self) -> bool:
        pairs = [
            LivePair(at, -at, mine.score, theirs.score)
            for at, (mine, theirs) in enumerate(zip(self.live, self.old, strict=False), 1)
        ]
        is_worse = judge_pairs(pairs, dismissed=self.dismissed).outcome == WORSE
        if is_worse or self.wager.wealth.now > 1:
            return True
        fresh = self.live[self.cleared :]
        seems = self.scenario.is_always_alarming or seems_worse(fresh, self.old)
        return seems and len(fresh) >= find_least_answers(self.dismissed)

    async def _confirm(self) -> bool:
        is_first = self.wager.number == 1 and not self.wager.gains
        asked = [
            ReplayInput(row.user_input, row.user_input, row.refined_input, GUARD)
            for row in self.live[self.cleared :]
        ]
        fresh = [item for item in asked if item.fingerprint not in self.wager.seen]
        fresh = fresh[: MAX_REPLAYED if is_first else MAX_REPLAYED_AGAIN]
        if len(fresh) < LEAST_FRESH:
            return False
        draws = Draws(self.chance, self.scenario, {row.user_input: row.score for row in self.live})
        book = _Kept(self.wager)
        decision, _ = await run_pairs(
            cast("TextReplays", cast("Any", draws)),
            fresh,
            incumbent=PROMOTED,
            candidate=OTHER,
            wager=self.wager,
            book=book,
        )
        self.calls += draws.calls
        self.wager = book.wager
        if decision.e_value <= 1:
            number = self.wager.number + 1
            if not self.wager.is_ahead_of(alpha_of(number)):
                self.wager = Wager(alpha_of(number), number=number)
            self.dismissed.append(min(len(self.live), len(self.old)))
            self.cleared = len(self.live)
        return decision.promote


class _Kept(WagerBook):
    """Keeps one wager."""

    def __init__(self, wager: Wager) -> None:
        super().__init__()
        self.wager = wager

    @override
    async def bet(self, content: str, bets: Sequence[tuple[str, float]]) -> Wager:
        self.wager = self.wager.bet_on(bets)
        return self.wager


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--watches", type=int, default=400, help="simulated watches a row")
    count = parser.parse_args().watches
    print(f"{count:,} watches a row of {ANSWERS} answers; seed {SEED}")
    print(f"{'passes':<30} {'record':>6} {'undone':>7} {'(after)':>8} {'calls':>6} {'at most':>8}")
    for scenario in SCENARIOS:
        chance = random.Random(SEED)
        watches = [Watched(chance, scenario) for _ in range(count)]
        undone = [one for one in watches if await one.run()]
        after = f"({median(len(one.live) for one in undone):g})" if undone else ""
        calls = [one.calls for one in watches]
        print(
            f"{scenario.title:<30} {scenario.record:>6} {len(undone) / count:>7.3f} {after:>8} "
            f"{fmean(calls):>6.0f} {max(calls):>8}",
            flush=True,
        )


if __name__ == "__main__":
    asyncio.run(main())
