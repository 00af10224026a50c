"""Computes the figures of plays with the noisy model, and puts aims beside them. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.healing.noisy.plays import HARMFUL, HARMFUL_AT_ONCE, PROMPT, REGRESSION, TIE
from benchmarks.healing.noisy.records import (
    BY_CANARY,
    BY_HEAL,
    BY_WATCH,
    RECOVERED_SHARE,
    SAME_SCORE,
    UNDECIDED,
    Heal,
    PlayRecord,
    Worth,
    is_recovered,
)
from benchmarks.healing.reporting.aims import Aim, aim_of_rate
from benchmarks.healing.reporting.figures import Spread, spread_of
from benchmarks.healing.reporting.intervals import Rate, rate_of
from benchmarks.healing.schedule import WITH_HISTORY, WITHOUT_HISTORY

# Harm counts from so many answers on, given while a text served more than a tenth of the traffic.
MOST_ANSWERS_IN_HARM: Final = 60
LEAST_TIES: Final = 500
# A run that ended before it could tell whose fault it is.
NO_VERDICT: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Recovery:
    """How regressions of one mode ended.

    Attributes:
        recovered: To 90 % of what is to be recovered earns, in truth, within the incident.
        at_first: The same after the first run alone.
        seen: The same within the incident as the Evaluator sees it.
        beats_empty: What serves in the end earns more than no prompt at all.
        beats_last_good: It earns more than the last text that served before the incumbent.
        naive: The naive healer's text recovers.
        over_empty: Share of right answers that is earned beyond the empty prompt.
        over_last_good: The same beyond the last text.
    """

    recovered: Rate
    at_first: Rate
    seen: Rate
    beats_empty: Rate
    beats_last_good: Rate
    naive: Rate
    over_empty: Spread
    over_last_good: Spread


@dataclass(frozen=True, slots=True)
class Harm:
    """What became of harmful candidates.

    Attributes:
        judged: Those that came before the gate.
        by_gate: Stopped there.
        passed: Not stopped there.
        by_canary: Stopped while they served a share of the traffic.
        by_watch: Rolled back, or replaced by a later heal.
        undecided: Still served a share when the play ended.
        unstopped: Served everybody still when the play ended.
        served_long: Of all, those that served over a tenth of the traffic for over 60 answers.
        answers: Of those that passed the gate: answers while one served over a tenth.
        wrong: Wrong answers of theirs, at any share.
        naive: The naive healer would have let its harmful text serve.
        fixed_gate: The greater mean on 20 inputs would have.
    """

    judged: int
    by_gate: int
    passed: int
    by_canary: int
    by_watch: int
    undecided: int
    unstopped: int
    served_long: Rate
    answers: Spread
    wrong: Spread
    naive: Rate
    fixed_gate: Rate


@dataclass(frozen=True, slots=True)
class NoisyFigures:
    """All figures.

    Attributes:
        ties: Promotions, of the gate's decisions on candidates that are as good as the incumbent.
        tie_incidents: Incidents under a tie in which something was promoted.
        ties_by_fixed_gate: What the greater mean on 20 inputs would have promoted.
        no_better: Of all candidates that passed the gate, those that earn no more in truth.
        only_seen: Those of them that are better in the Evaluator's eyes.
        recovery: By mode.
        harm: By what canaries there were.
        changed: By lane in which the prompt isn't to blame: incidents whose prompt was changed for
            one that is no better.
        blamed: What the first run of an incident blamed, by what is to blame.
        recall: By what is to blame: of the incidents that were looked into, those in which the
            first run said so.
        precision: By what was blamed: of those incidents, the ones in which it is so.
        calls: Calls of the Worker in heals that reached the gate.
        to_share: Seconds from the third failing row until a repair served a share of the traffic.
        to_all: The same until it served all of it.
        failed_runs: Plays with a run that failed.
        torn: Plays with other than one active prompt in the end.
    """

    ties: Rate
    tie_incidents: Rate
    ties_by_fixed_gate: Rate
    no_better: Rate
    only_seen: Rate
    recovery: dict[str, Recovery]
    harm: dict[str, Harm]
    changed: dict[str, Rate]
    blamed: dict[str, Counter[str]]
    recall: dict[str, Rate]
    precision: dict[str, Rate]
    calls: Spread
    to_share: Spread
    to_all: Spread
    failed_runs: Rate
    torn: Rate


def summarise(plays: Sequence[PlayRecord]) -> NoisyFigures:
    """Compute all figures."""
    judged = [heal for play in plays for heal in play.heals if heal.candidate is not None]
    ties = [heal for heal in judged if _candidate(heal).is_tie(heal.incumbent)]
    passed = [heal for heal in judged if heal.passed]
    worse = [heal for heal in passed if _candidate(heal).is_no_better(heal.incumbent)]
    tied = [play for play in plays if play.lane == TIE]
    regressions = [play for play in plays if play.lane == REGRESSION]
    others = [
        play
        for play in plays
        if play.fault != PROMPT and play.lane not in (HARMFUL, HARMFUL_AT_ONCE)
    ]
    looked_into = [
        (play.fault, play.heals[0].verdict or NO_VERDICT) for play in plays if play.heals
    ]
    return NoisyFigures(
        ties=rate_of([heal.passed for heal in ties]),
        tie_incidents=rate_of([any(heal.passed for heal in play.heals) for play in tied]),
        ties_by_fixed_gate=rate_of([play.fixed_gate_passes for play in tied]),
        no_better=rate_of([heal in worse for heal in passed]),
        only_seen=rate_of(
            [_candidate(heal).seen_score > heal.incumbent.seen_score + SAME_SCORE for heal in worse]
        ),
        recovery={
            name: _judge_recovery([play for play in regressions if play.mode == name])
            for name in dict.fromkeys(play.mode for play in regressions)
        },
        harm={
            lane: _judge_harm([play for play in plays if play.lane == lane])
            for lane in (HARMFUL, HARMFUL_AT_ONCE)
            if any(play.lane == lane for play in plays)
        },
        changed={
            name: rate_of([_is_changed_in_vain(play) for play in others if play.name == name])
            for name in dict.fromkeys(play.name for play in others)
        },
        blamed={
            fault: Counter(said for is_so, said in looked_into if is_so == fault)
            for fault in dict.fromkeys(play.fault for play in plays)
        },
        recall={
            fault: rate_of([said == fault for is_so, said in looked_into if is_so == fault])
            for fault in dict.fromkeys(play.fault for play in plays)
        },
        precision={
            verdict: rate_of([is_so == verdict for is_so, said in looked_into if said == verdict])
            for verdict in dict.fromkeys(said for _, said in looked_into)
        },
        calls=spread_of(heal.calls for heal in judged),
        to_share=spread_of(play.seconds_to_share for play in plays),
        to_all=spread_of(play.seconds_to_all for play in plays),
        failed_runs=rate_of([bool(play.errors) for play in plays]),
        torn=rate_of([play.active_prompts != 1 for play in plays]),
    )


def judge_aims(figures: NoisyFigures) -> list[Aim]:
    """Put the figures beside their aims."""
    calls, harm = figures.calls, figures.harm.get(HARMFUL)
    with_history = figures.recovery.get(WITH_HISTORY)
    without = figures.recovery.get(WITHOUT_HISTORY)
    return [
        aim_of_rate(
            "no-better promotions per heal that reaches the gate, under a tie",
            figures.ties,
            0.05,
            "luck in a decision's pairs: each could have promoted",
            is_essential=True,
        ),
        Aim(
            "decisions under a tie",
            figures.ties.total,
            LEAST_TIES,
            at_least=True,
            could_miss="heals that end before the gate",
        ),
        aim_of_rate(
            "harmful candidates that serve over 10 % of traffic for over 60 answers",
            harm.served_long if harm else None,
            0.02,
            f"one of the {harm.passed if harm else 0} that passed the gate, if nothing stops it",
            is_essential=True,
        ),
        aim_of_rate(
            "regressions recovered to 90 % of what the last good text earns",
            with_history.recovered if with_history else None,
            0.97,
            "a bad prompt that serves on, or a repair that earns less",
            at_least=True,
            is_essential=True,
        ),
        aim_of_rate(
            "the same without history, of what the best known prompt earns",
            without.recovered if without else None,
            0.85,
            "the same, or one that no evidence can be had for",
            at_least=True,
        ),
        Aim(
            "Worker calls of a heal that reaches the gate, median",
            calls.median,
            60,
            could_miss="more pairs to a decision",
        ),
        Aim(
            "Worker calls of such a heal, at most",
            calls.most,
            120,
            could_miss="a budget that doesn't bind",
        ),
        Aim(
            "third failure to a repaired share of traffic, median",
            figures.to_share.median,
            3,
            unit="s",
            could_miss="a heal of more calls than the traffic lets through",
        ),
        Aim(
            "third failure to all of it, median",
            figures.to_all.median,
            20,
            unit="s",
            could_miss="steps that wait for more answers than come",
        ),
        aim_of_rate(
            "incidents that leave other than one active prompt",
            figures.torn,
            0,
            "an activation in two pieces, at any of the plays",
            is_essential=True,
        ),
        aim_of_rate(
            "incidents with a run that ended in an error",
            figures.failed_runs,
            None,
            "an Evaluator or a provider that fails, as it does in some; nothing else should",
        ),
    ]


def _candidate(heal: Heal) -> Worth:
    """Return what came before the gate.

    Raises:
        ValueError: If nothing did.
    """
    if heal.candidate is None:
        raise ValueError("no candidate came before the gate")
    return heal.candidate


def _judge_recovery(plays: Sequence[PlayRecord]) -> Recovery:
    targets = [play.last_good or play.good for play in plays]
    pairs = list(zip(plays, targets, strict=True))
    return Recovery(
        recovered=rate_of([is_recovered(play.after, target) for play, target in pairs]),
        at_first=rate_of([is_recovered(play.first, target) for play, target in pairs]),
        seen=rate_of(
            [play.after.seen_rate >= RECOVERED_SHARE * target.seen_rate for play, target in pairs]
        ),
        beats_empty=rate_of([not play.after.is_no_better(play.empty) for play in plays]),
        beats_last_good=rate_of(
            [not play.after.is_no_better(play.last_good) for play in plays if play.last_good]
        ),
        naive=rate_of(
            [is_recovered(play.naive, target) for play, target in pairs if play.naive is not None]
        ),
        over_empty=spread_of(play.after.rate - play.empty.rate for play in plays),
        over_last_good=spread_of(
            play.after.rate - play.last_good.rate for play in plays if play.last_good
        ),
    )


def _judge_harm(plays: Sequence[PlayRecord]) -> Harm:
    judged = [heal for play in plays for heal in play.heals if heal.is_harmful]
    served = [one for play in plays for one in play.services if one.is_harmful]
    long = sum(one.answers > MOST_ANSWERS_IN_HARM for one in served)
    harmful = [
        play for play in plays if play.naive is not None and play.naive.is_harmful(play.before)
    ]
    return Harm(
        judged=len(judged),
        by_gate=sum(not heal.passed for heal in judged),
        passed=sum(heal.passed for heal in judged),
        by_canary=sum(one.stopped_by == BY_CANARY for one in served),
        by_watch=sum(one.stopped_by in (BY_WATCH, BY_HEAL) for one in served),
        undecided=sum(one.stopped_by == UNDECIDED for one in served),
        unstopped=sum(not one.stopped_by for one in served),
        served_long=Rate(long, len(judged)),
        answers=spread_of(one.answers for one in served),
        wrong=spread_of(one.wrong for one in served),
        naive=rate_of([True for _ in harmful]),
        fixed_gate=rate_of([play.fixed_gate_passes for play in harmful]),
    )


def _is_changed_in_vain(play: PlayRecord) -> bool:
    return any(one.worth.is_no_better(one.before) for one in play.services)
