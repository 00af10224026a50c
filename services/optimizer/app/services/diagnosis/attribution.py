"""Finds whose fault failures are where the log alone tells it. Pure.

Errors count by type and code, never by what they say.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.common.errors import DeadlinePassedError
from services.common.record.surprise import Record
from services.optimizer.app.services.log.log_records import (
    GOOD_PASS_RATE,
    UnscoredCount,
    Window,
)
from services.optimizer.app.services.log_analyzer import FailureAnalysis

PROMPT, PROVIDER, EVALUATOR = "prompt", "provider", "evaluator"
INPUT, DRIFT, UNKNOWN = "input", "drift", "unknown"
WORKER, EVALUATOR_SERVICE = "worker", "evaluator"
# A hold because neither the prompt's fault nor another is shown.
FAULT_UNTOLD = "fault_untold"
# Codes of an Evaluator that is well but can't judge this answer.
BLAMELESS_CODES = frozenset({"not_judgeable", DeadlinePassedError.code})


@dataclass(frozen=True, slots=True)
class Attribution:
    """Whose fault the failures are, and why that is believed.

    Attributes:
        fault: `prompt`, `provider`, `evaluator`, `input`, `drift` or `unknown`.
        is_open: Whether further replays could change it.
        suspects_prompt: Whether the prompt may be at fault, where it is unknown whose it is.
        hold_reason: Why nothing is repaired, as a code, where the fault alone doesn't say it.
    """

    fault: str
    because: tuple[str, ...]
    evidence: Mapping[str, Any] = field(default_factory=dict)
    is_open: bool = False
    suspects_prompt: bool = False
    hold_reason: str = ""

    @property
    def cause(self) -> str:
        """What is wrong with an Evaluator at fault: `down`, `degraded` or `changed`; else empty."""
        if self.fault != EVALUATOR:
            return ""
        if "evaluator_errors" in self.evidence:
            return "down"
        return "degraded" if "degraded" in self.evidence else "changed"

    @property
    def calls_for_repair(self) -> bool:
        """Whether a better prompt could be the answer.

        It could as well where nothing is shown yet but that the prompt is not cleared: a repair
        that is none costs calls, since the gate holds it, and one that is never tried costs a heal.
        """
        return self.fault in (PROMPT, DRIFT) or self.suspects_prompt

    def as_json(self) -> dict[str, Any]:
        """Give it as the report has it."""
        told = {
            "verdict": self.fault,
            "because": list(self.because),
            "evidence": dict(self.evidence),
        }
        return told | ({"can_tell": False} if self.is_open else {})


def attribute_from_log(
    window: Window, analysis: FailureAnalysis, *, evaluator_degraded: bool = False
) -> Attribution | None:
    """Find whose fault it is where the log alone tells; None where it takes replays."""
    provider = _count_unscored(window.unscored, WORKER)
    evaluator = _count_unscored(window.unscored, EVALUATOR_SERVICE)
    if evaluator_degraded and analysis.failure_count:
        return blame_degraded_evaluator()
    changed = _find_changed_evaluator(window)
    if changed is not None and analysis.reaches_floor:
        return changed
    if analysis.reaches_floor:
        return None
    threshold = analysis.threshold
    if provider.total() >= max(threshold, evaluator.total()):
        return _blame(
            PROVIDER,
            {"worker_errors": dict(provider)},
            f"{provider.total()} requests got no answer: {_list(provider)}.",
        )
    if evaluator.total() >= threshold:
        return _blame(
            EVALUATOR,
            {"evaluator_errors": dict(evaluator)},
            f"{evaluator.total()} answers got no score: {_list(evaluator)}.",
        )
    return None


def blame_degraded_evaluator() -> Attribution:
    """Blame an Evaluator by whose scores nothing can be proven."""
    return _blame(
        EVALUATOR,
        {"degraded": True},
        "The Evaluator's canaries say that it no longer judges as it did.",
    )


def _find_changed_evaluator(window: Window) -> Attribution | None:
    """Blame the evaluator where scores fell when it changed, with the prompt as it was."""
    current = window.results[0].fingerprint if window.results else ""
    before = [row.passed for row in window.results if row.fingerprint != current]
    now = [row.passed for row in window.results if row.fingerprint == current]
    earlier = Record(
        len(before) + window.earlier_by_others.scored, sum(before) + window.earlier_by_others.passed
    )
    later = Record(len(now), sum(now))
    if not before or not serves_well(earlier) or serves_well(later):
        return None
    return _blame(
        EVALUATOR,
        {"passed_before": earlier.passed, "passed_since": later.passed, "fingerprint": current},
        "The evaluator changed while this prompt served.",
        f"Before that {earlier} answers passed, since then {later}.",
    )


def _blame(fault: str, evidence: Mapping[str, Any], *because: str) -> Attribution:
    return Attribution(fault, because, evidence)


def _count_unscored(unscored: Sequence[UnscoredCount], service: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in unscored:
        if row.service == service and row.code not in BLAMELESS_CODES:
            counts[row.code] += row.times
    return counts


def serves_well(record: Record) -> bool:
    """Tell whether a record is good, or there is none."""
    return not record.scored or record.pass_rate >= GOOD_PASS_RATE


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{code} ({times}x)" for code, times in counts.most_common())
