"""Computes the score: rules weigh 40 %, the judge 60 %, a demonstrable failure is capped."""

import math
from dataclasses import dataclass

RULE_WEIGHT = 0.4
JUDGE_WEIGHT = 0.6
PASS_THRESHOLD = 0.7
FAILURE_CAP = 0.4
# Sums of decimal weights miss their decimal value by less than this.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Verdict:
    """A score with its parts, all in [0, 1].

    Attributes:
        score: `rule * 0.4 + judge * 0.6`, unrounded.
        passed: Whether the score is at least 0.7.
        rule: The rules' part, after the cap.
        judge: The judge's part, after the cap.
        capped: Whether the answer demonstrably fails.
    """

    score: float
    passed: bool
    rule: float
    judge: float
    capped: bool


def combine_scores(rule: float, judge: float) -> float:
    """Blend the two parts of a score.

    Args:
        rule: Share of rule weight earned, in [0, 1]; higher is better.
        judge: Judge's grade, in [0, 1]; higher is better.

    Returns:
        `rule * 0.4 + judge * 0.6`, in [0, 1], unrounded.

    Raises:
        ValueError: If an argument is NaN or outside [0, 1].
    """
    _require_parts(rule, judge)
    return rule * RULE_WEIGHT + judge * JUDGE_WEIGHT


def reach_verdict(rule: float, judge: float, *, demonstrably_fails: bool) -> Verdict:
    """Score an answer.

    Args:
        rule: Share of rule weight earned, in [0, 1].
        judge: Judge's grade, in [0, 1].
        demonstrably_fails: Caps both parts at 0.4, so that no judge talks a failure over
            the line: the score stays at or under 0.4.

    Raises:
        ValueError: If a part is NaN or outside [0, 1].
    """
    _require_parts(rule, judge)
    if demonstrably_fails:
        rule, judge = min(rule, FAILURE_CAP), min(judge, FAILURE_CAP)
    score = combine_scores(rule, judge)
    return Verdict(
        score=score,
        passed=score >= PASS_THRESHOLD - ROUNDING,
        rule=rule,
        judge=judge,
        capped=demonstrably_fails,
    )


def _require_parts(rule: float, judge: float) -> None:
    for name, value in (("rule", rule), ("judge", judge)):
        if math.isnan(value) or not 0 <= value <= 1:
            raise ValueError(f"{name} must be in [0, 1], not {value}")
