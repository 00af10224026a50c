"""Decides by the pairs of a rollout whether it goes on, is aborted, or waits. Pure.

Each test is a bet whose wealth can't be expected to grow under its null hypothesis (Waudby-Smith
and Ramdas 2024), played at several stakes at once, whose mean is such a wealth too. By Ville's
inequality it reaches 1/alpha with a chance of alpha at most, whenever one looks, so that nothing
depends on how long a step lasts. Live pairs and replays are bet on apart, since a live answer tells
something of the replay of its input, and each at half of alpha: what counts is half of the larger
wealth. (The mean of both wouldn't do: each is fair beside its own past, and needn't be beside the
other's; Choe and Ramdas, "Combining evidence across filtrations", 2024.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from services.common.proof.betting import play
from services.optimizer.app.services.rollout.evidence import Evidence, StepEvidence

ALPHA = 0.02
# The three guards share as much again.
GUARD_ALPHA = ALPHA / 3
STAKES = (0.1, 0.3, 0.6, 0.9)
# An answer in fifty more that isn't given at all.
SERVED_MARGIN = 0.02
# A step that can't be decided by so many pairs ends the rollout: nobody showed it to be no worse.
MAX_PAIRS = 2_000

GO_ON, ABORT, WAIT = "go_on", "abort", "wait"
WORSE, REFUSES, SLOW, LONG = "canary_worse", "canary_refuses", "canary_slow", "canary_long"
UNDECIDED = "canary_undecided"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a rollout, and the wealths that say so.

    Attributes:
        outcome: `go_on`, `abort` or `wait`.
        reason: Why it is aborted; empty otherwise.
        no_worse: Half of the larger wealth of the bets, on live pairs and on replays, that the
            candidate isn't worse by the margin, within the step.
        worse: The same of the bets that it is worse, over the whole rollout.
        guards: Wealth of the bets that it is worse by a guard's margin, by their reasons.
    """

    outcome: str
    reason: str
    no_worse: float
    worse: float
    guards: dict[str, float]


def judge(evidence: Evidence, *, margin: float) -> Judgement:
    """Judge a rollout's step by what is known.

    Args:
        margin: How much worse in mean score still counts as no worse, in (0, 1).
    """
    step = evidence.step
    no_worse = bet_on_no_worse(step, margin)
    worse = bet_on_worse(evidence.steps)
    guards = {
        REFUSES: bet(evidence.served.gains, direction=-1, shift=SERVED_MARGIN),
        SLOW: bet(evidence.latency.gains),
        LONG: bet(evidence.tokens.gains),
    }
    alarms = [reason for reason, wealth in guards.items() if wealth >= 1 / GUARD_ALPHA]
    outcome, reason = WAIT, ""
    if worse >= 1 / ALPHA:
        outcome, reason = ABORT, WORSE
    elif alarms:
        outcome, reason = ABORT, alarms[0]
    elif no_worse >= 1 / ALPHA:
        outcome = GO_ON
    elif len(step.live.gains) + len(step.replays) >= MAX_PAIRS:
        outcome, reason = ABORT, UNDECIDED
    return Judgement(outcome, reason, no_worse, worse, guards)


def bet(gains: Sequence[float], *, direction: int = 1, shift: float = 0.0) -> float:
    """Return the wealth of a bet that gains are above `-shift` on average, or losses above `shift`.

    Args:
        direction: 1 to bet on gains, -1 on losses.
    """
    scale = 1 + abs(shift)
    shifted = [(gain + shift) / scale for gain in gains]
    return fmean(play(shifted, direction=direction, stake=stake).now for stake in STAKES)


def bet_on_no_worse(step: StepEvidence, margin: float) -> float:
    """Return half of the larger wealth of the bets that a step's gains are above `-margin`."""
    return max(bet(gains, shift=margin) for gains in (step.counted.gains, step.replays)) / 2


def bet_on_worse(steps: Sequence[StepEvidence]) -> float:
    """Return half of the larger wealth of the bets that all steps' gains are below 0."""
    live = [gain for step in steps for gain in step.live.gains]
    replays = [gain for step in steps for gain in step.replays]
    return max(bet(gains, direction=-1) for gains in (live, replays)) / 2


def describe(evidence: Evidence, judgement: Judgement, *, margin: float) -> dict[str, Any]:
    """Tell what each step rested on, and what the whole showed, for the run's report."""
    return {
        "margin": margin,
        "alpha": ALPHA,
        "guard_alpha": GUARD_ALPHA,
        "no_worse": round(judgement.no_worse, 2),
        "worse": round(judgement.worse, 2),
        "guards": {reason: round(wealth, 2) for reason, wealth in judgement.guards.items()},
        "figures": [
            {
                "live_pairs": len(step.live.gains),
                "live_gain": _mean(step.live.gains),
                "replays": len(step.replays),
                "replay_gain": _mean(step.replays),
                "no_worse": round(bet_on_no_worse(step, margin), 2),
            }
            for step in evidence.steps
        ],
    }


def _mean(gains: Sequence[float]) -> float | None:
    return round(fmean(gains), 4) if gains else None
