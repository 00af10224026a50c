"""Compares scores with the truth: how well right is told from wrong. Pure."""

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from benchmarks.evaluator.labelled_answers import CANONICAL, OUTPUT
from benchmarks.evaluator.request_forms import FORMS
from benchmarks.evaluator.scoring import Case, Scored
from services.evaluator.app.services.oversight.calibration.trust import area_under_roc
from services.evaluator.app.services.scorer import PASS_THRESHOLD, ROUNDING

RESAMPLES: Final = 200
CONFIDENCE: Final = 0.95
Item = TypeVar("Item")
# Reads a score off a result: the whole, or the rules' alone. None: unscored.
Mark = Callable[[Scored], float | None]


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one group of answers: how well it was judged.

    Attributes:
        right: How many of them are right.
        wrong: How many are wrong.
        unscored: How many of both got no score; all else leaves them out.
        auroc: Chance that a right answer scores above a wrong one, ties counting half.
        auroc_low: Lower end of its 95 % interval, by resampling tasks.
        auroc_high: Upper end.
        ceiling: What telling apart by examples, crashes and empty returns can reach.
        accuracy: Share of the answers whose verdict is right.
        false_pass: Share of the wrong ones that pass.
        false_fail: Share of the right ones that fail.
        contradicting: How many wrong ones don't keep an example that the request shows.
        contradicting_passed: How many of those pass.
    """

    right: int
    wrong: int
    unscored: int
    auroc: float | None
    auroc_low: float | None
    auroc_high: float | None
    ceiling: float | None
    accuracy: float | None
    false_pass: float | None
    false_fail: float | None
    contradicting: int
    contradicting_passed: int


@dataclass(frozen=True, slots=True)
class KindFigures:
    """Figures of one kind of mutant: how well it is told from the canonical solutions.

    Attributes:
        count: How many there are.
        auroc: As in `Figures`.
        false_pass: As in `Figures`.
    """

    count: int
    auroc: float | None
    false_pass: float | None


@dataclass(frozen=True, slots=True)
class Times:
    """Times of evaluations, in milliseconds.

    Attributes:
        median_alone: One after the other.
        median: With four under way at a time.
        p99: The 99th percentile, also with four under way.
        stopped: How many ran into a limit of the sandbox; the other figures leave them out.
        evaluations: How many there were.
    """

    median_alone: float
    median: float
    p99: float
    stopped: int
    evaluations: int


def whole_score(scored: Scored) -> float | None:
    """Return the score that users see."""
    return scored.score


def rule_score(scored: Scored) -> float | None:
    """Return the rules' part of the score alone."""
    return scored.rule_score


def ceiling(wrong: Sequence[Case]) -> float | None:
    """Compute the AUROC of judging only by what betrays an answer, `1 - s / 2`.

    `s` is the share of wrong answers that no example, crash or empty return betrays: those tie
    with the right ones.
    """
    if not wrong:
        return None
    return 1 - share(wrong, lambda case: not case.betrayed) / 2


def share(items: Sequence[Item], holds: Callable[[Item], bool]) -> float:
    """Return the share of the items that something holds for.

    Raises:
        ZeroDivisionError: If there are none.
    """
    return sum(map(holds, items)) / len(items)


def judge_group(results: Sequence[Scored], mark: Mark = whole_score) -> Figures:
    """Compute the figures of one group."""
    known = [one for one in results if mark(one) is not None]
    right = [one for one in known if one.case.answer.right]
    wrong = [one for one in known if not one.case.answer.right]
    contradicting = [one for one in wrong if one.case.contradicts_shown]

    def passes(one: Scored) -> bool:
        return (mark(one) or 0.0) >= PASS_THRESHOLD - ROUNDING

    low, high = resample_auroc(known, mark)
    return Figures(
        right=sum(one.case.answer.right for one in results),
        wrong=sum(not one.case.answer.right for one in results),
        unscored=len(results) - len(known),
        auroc=area_under_roc(_marks(right, mark), _marks(wrong, mark)),
        auroc_low=low,
        auroc_high=high,
        ceiling=ceiling([one.case for one in results if not one.case.answer.right]),
        accuracy=share(known, lambda one: passes(one) == one.case.answer.right) if known else None,
        false_pass=share(wrong, passes) if wrong else None,
        false_fail=share(right, lambda one: not passes(one)) if right else None,
        contradicting=len(contradicting),
        contradicting_passed=sum(map(passes, contradicting)),
    )


def resample_auroc(
    known: Sequence[Scored], mark: Mark = whole_score
) -> tuple[float | None, float | None]:
    """Estimate the 95 % interval of AUROC by resampling tasks: their answers aren't independent."""
    by_task: dict[str, tuple[list[float], list[float]]] = {}
    for one in known:
        sides = by_task.setdefault(one.case.answer.task, ([], []))
        sides[0 if one.case.answer.right else 1].append(mark(one) or 0.0)
    tasks = [by_task[name] for name in sorted(by_task)]
    chance = random.Random(0)
    drawn = []
    for _ in range(RESAMPLES if tasks else 0):
        sample = chance.choices(tasks, k=len(tasks))
        right = [value for sides in sample for value in sides[0]]
        wrong = [value for sides in sample for value in sides[1]]
        value = area_under_roc(right, wrong)
        if value is not None:
            drawn.append(value)
    if not drawn:
        return None, None
    drawn.sort()
    tail = round((1 - CONFIDENCE) / 2 * (len(drawn) - 1))
    return drawn[tail], drawn[-1 - tail]


def judge_by_form(results: Sequence[Scored], mark: Mark = whole_score) -> dict[str, Figures]:
    """Compute the figures of each form."""
    return {form: judge_group([r for r in results if r.case.form == form], mark) for form in FORMS}


def judge_by_kind(results: Sequence[Scored]) -> dict[str, dict[str, KindFigures]]:
    """Compare each kind of mutant with the canonical solutions, for each form."""
    kinds = sorted({one.case.answer.kind for one in results} - {CANONICAL, OUTPUT})
    return {
        kind: {
            form: _judge_kind([one for one in results if one.case.form == form], kind)
            for form in FORMS
        }
        for kind in kinds
    }


def _judge_kind(results: Sequence[Scored], kind: str) -> KindFigures:
    right = _marks([one for one in results if one.case.answer.right])
    wrong = [one for one in results if one.case.answer.kind == kind]
    known = [one for one in wrong if one.score is not None]
    return KindFigures(
        count=len(wrong),
        auroc=area_under_roc(right, _marks(known)),
        false_pass=share(known, lambda one: one.passed is True) if known else None,
    )


def measure_times(alone: Sequence[Scored], together: Sequence[Scored]) -> Times:
    """Summarise the times of evaluations, one at a time and four at a time.

    Raises:
        StatisticsError: If there are fewer than two of either.
    """
    unhindered = [one.milliseconds for one in together if not one.hit_limit]
    return Times(
        median_alone=statistics.median(one.milliseconds for one in alone if not one.hit_limit),
        median=statistics.median(unhindered),
        p99=statistics.quantiles(unhindered, n=100)[98],
        stopped=sum(one.hit_limit for one in together),
        evaluations=len(together),
    )


def find_errors(results: Sequence[Scored]) -> list[Scored]:
    """List wrong verdicts: wrong answers that pass, right ones that fail."""
    return [one for one in results if one.passed not in (None, one.case.answer.right)]


def count_errors(errors: Sequence[Scored]) -> Mapping[tuple[str, str, str], int]:
    """Count the errors of each sort: what they are, their kind, the form."""
    counts: dict[tuple[str, str, str], int] = {}
    for one in errors:
        sort = "false fail" if one.case.answer.right else "false pass"
        key = (sort, one.case.answer.kind, one.case.form)
        counts[key] = counts.get(key, 0) + 1
    return dict(sorted(counts.items()))


def _marks(results: Sequence[Scored], mark: Mark = whole_score) -> list[float]:
    return [value for value in map(mark, results) if value is not None]
