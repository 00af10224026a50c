"""Computes the benchmark's figures from the records of all runs. Pure."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from benchmarks.healing.records import (
    CONTROL,
    FAULT,
    RECOVERED_SHARE,
    REGRESSION,
    SAME_SCORE,
    RunRecord,
)
from benchmarks.healing.reporting.intervals import Rate, rate_of
from benchmarks.healing.schedule import MODES

CONTROLS_AND_FAULTS: Final = "controls and faults"


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and extremes of several values; None of nothing."""

    median: float | None
    least: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class RecoveryFigures:
    """Figures of one kind of runs that had a bad prompt.

    Attributes:
        detected: The Optimizer looked into it.
        attributed: It blamed the prompt, of the runs that it looked into.
        recovered: It won 90 % of the lost score back.
        by_first_heal: Its first heal did: later ones of the incident go on with what it bet.
        beats_empty: What it promoted earns more than no prompt at all.
        naive: The naive healer did.
        share: Of the lost score that was won back.
        naive_share: The same for the naive healer.
        requests: Until detection.
        seconds: From the third failure to the healed prompt serving.
        strategies: How many were recovered, by where the promoted text came from.
    """

    detected: Rate
    attributed: Rate
    recovered: Rate
    by_first_heal: Rate
    beats_empty: Rate
    naive: Rate
    share: Spread
    naive_share: Spread
    requests: Spread
    seconds: Spread
    strategies: dict[str, int]


@dataclass(frozen=True, slots=True)
class FalseHealFigures:
    """Figures of the runs of controls, of faults, or of one fault.

    Attributes:
        looked_into: The Optimizer found work.
        attributed: It blamed what was to blame, of the runs in which it blamed anything.
        sought_repair: It looked for a repair: only there could it have changed the prompt.
        changed: It changed the prompt.
        false_heals: It changed the prompt, and not for the better.
        naive_false_heals: The naive healer did.
    """

    looked_into: Rate
    attributed: Rate
    sought_repair: Rate
    changed: Rate
    false_heals: Rate
    naive_false_heals: Rate


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a benchmark.

    Attributes:
        recovery: Of regressions, by mode.
        kinds: Of regressions that were recovered, by kind and mode.
        innocent: Of controls and faults together, by group, and by fault. A fault that begins
            with a bad prompt stands by itself and is in none of the sums.
        harmful: Promotions that do worse than what they replaced, of all promotions.
        naive_harmful: The same for the naive healer.
        outlived: Those that outlived the watch, of the harmful promotions.
        calls: Worker calls of a heal, over the Optimizer's runs that promoted a repair.
        most_calls: The most that any run of the Optimizer made.
        heal_seconds: Wall time of a heal, over the same.
        seconds: From the third failure to the healed prompt serving, over all regressions.
        errors: Runs in which the Optimizer ended with an error, or left other than one prompt.
    """

    recovery: dict[str, RecoveryFigures]
    kinds: dict[str, dict[str, Rate]]
    innocent: dict[str, FalseHealFigures]
    harmful: Rate
    naive_harmful: Rate
    outlived: Rate
    calls: Spread
    most_calls: int
    heal_seconds: Spread
    seconds: Spread
    errors: Rate

    def as_json(self) -> dict[str, Any]:
        """Return the figures as plain values for JSON; rates come with their intervals."""
        plain: dict[str, Any] = as_plain(self)
        return plain


def summarise(records: Sequence[RunRecord]) -> Figures:
    """Compute all figures from the records."""
    regressions = [one for one in records if one.group == REGRESSION]
    innocent = [one for one in records if one.is_innocent]
    faulty = [one for one in records if one.group == FAULT]
    promoted = [one for one in records if one.promoted]
    return Figures(
        recovery={
            mode: _judge_recovery([one for one in regressions if one.mode == mode])
            for mode in MODES
        },
        kinds={
            kind: {mode: _recovered(regressions, kind, mode) for mode in MODES}
            for kind in dict.fromkeys(one.kind for one in regressions)
        },
        innocent={
            CONTROLS_AND_FAULTS: _judge_innocent(innocent),
            "controls": _judge_innocent([one for one in innocent if one.group == CONTROL]),
            "faults": _judge_innocent([one for one in innocent if one.group == FAULT]),
            **{
                name: _judge_innocent([one for one in faulty if one.scenario == name])
                for name in dict.fromkeys(one.scenario for one in faulty)
            },
        },
        harmful=rate_of([one.is_harmful for one in promoted]),
        naive_harmful=rate_of([one.is_naive_harmful for one in records if one.naive.triggered]),
        outlived=rate_of([one.outlived_watch for one in promoted if one.is_harmful]),
        calls=spread_of(one.promoting_calls for one in promoted),
        most_calls=max((calls for one in records for calls in one.calls), default=0),
        heal_seconds=spread_of(one.promoting_seconds for one in promoted),
        seconds=spread_of(one.seconds_to_serving for one in regressions),
        errors=rate_of([bool(one.error) or one.active_prompts != 1 for one in records]),
    )


def spread_of(values: Iterable[float | None]) -> Spread:
    """Compute median and extremes of the known values."""
    known = [value for value in values if value is not None]
    if not known:
        return Spread(None, None, None)
    return Spread(statistics.median(known), min(known), max(known))


def is_recovered(record: RunRecord) -> bool:
    """Tell whether a run won enough of the lost score back."""
    return record.promoted and record.recovered_share >= RECOVERED_SHARE


def _judge_recovery(records: Sequence[RunRecord]) -> RecoveryFigures:
    return RecoveryFigures(
        detected=rate_of([one.looked_into for one in records]),
        attributed=_rate_attributions(records),
        recovered=rate_of([is_recovered(one) for one in records]),
        by_first_heal=rate_of([is_recovered(one) and one.promoting == 0 for one in records]),
        beats_empty=rate_of(
            [one.after > one.empty + SAME_SCORE for one in records if one.after and one.empty]
        ),
        naive=rate_of([one.naive_share >= RECOVERED_SHARE for one in records]),
        share=spread_of(one.recovered_share for one in records),
        naive_share=spread_of(one.naive_share for one in records),
        requests=spread_of(one.requests_until_detection for one in records),
        seconds=spread_of(one.seconds_to_serving for one in records),
        strategies=dict(Counter(one.strategy for one in records if is_recovered(one))),
    )


def _judge_innocent(records: Sequence[RunRecord]) -> FalseHealFigures:
    return FalseHealFigures(
        looked_into=rate_of([one.looked_into for one in records]),
        attributed=_rate_attributions(records),
        sought_repair=rate_of([one.sought_repair for one in records]),
        changed=rate_of([one.promoted for one in records]),
        false_heals=rate_of([one.is_false_heal for one in records]),
        naive_false_heals=rate_of([one.is_naive_false_heal for one in records]),
    )


def _rate_attributions(records: Sequence[RunRecord]) -> Rate:
    judged = [one.is_attributed_right for one in records]
    return rate_of([one for one in judged if one is not None])


def _recovered(records: Sequence[RunRecord], kind: str, mode: str) -> Rate:
    return rate_of([is_recovered(one) for one in records if (one.kind, one.mode) == (kind, mode)])


def as_plain(value: Any) -> Any:
    """Return plain values for JSON; rates come with their intervals."""
    if isinstance(value, Rate):
        return value.as_json()
    if isinstance(value, dict):
        return {name: as_plain(part) for name, part in value.items()}
    if is_dataclass(value):
        return {field.name: as_plain(getattr(value, field.name)) for field in fields(value)}
    return value
