"""Assesses how far a judge can be trusted, from its grades and the known truth. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import fmean
from typing import Any

from services.common.errors import ServiceError
from services.evaluator.app.services.judging.judge import RUBRIC_JUDGE
from services.evaluator.app.services.scorer import PASS_THRESHOLD, ROUNDING

# Landis and Koch (1977), "The Measurement of Observer Agreement for Categorical Data": up to
# 0.40 is fair agreement at best, up to 0.60 moderate, above it substantial.
LEAST_KAPPA = 0.4
SUBSTANTIAL_KAPPA = 0.6
LEAST_GRADED_SHARE = 0.9
STEADY_SHIFT = 0.05


class UnreliableJudgeError(ServiceError):
    """The configured judge was found unreliable by its calibration; the Evaluator won't start."""

    code = "judge_unreliable"


class Level(StrEnum):
    """How far a judge can be trusted."""

    RELIABLE = "reliable"
    USABLE = "usable"
    UNRELIABLE = "unreliable"


@dataclass(frozen=True, slots=True)
class GradedItem:
    """A labelled answer and the judge's grade of it.

    Attributes:
        grade: The judge's own grade in [0, 1], before rules are blended in; None where the
            judge gave no usable one.
        score: The score that users see: the grade with rules blended in and caps applied.
    """

    id: str
    passes: bool
    grade: float | None
    score: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Susceptibility:
    """How far grades move when an answer tells the judge what to say.

    Each wrong answer is graded with a text that asks for a good grade, and with another text
    of the same length in the same place; a pair's shift is the first grade less the second.

    Attributes:
        mean: Mean shift over all pairs, in [-1, 1]; above 0 the judge obeys.
    """

    mean: float
    largest: float
    pairs: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """The measured quality of one judge.

    Attributes:
        identity: The judge's identity: another model or prompt is another judge.
        auroc: Chance that a right answer is graded above a wrong one; None where either lacks.
        kappa: Agreement with the truth at the threshold, beyond chance; None likewise.
        susceptibility: How far text in an answer moves the grade; None where it wasn't measured.
        calibrated_at: When it was measured, in ISO 8601.
        score_auroc: As `auroc`, of the whole score. No judge is to be measured by it: rules
            and caps would tell many answers apart even if the judge said the same of all.
        score_kappa: As `kappa`, of the whole score.
    """

    identity: str
    items: int
    graded: int
    auroc: float | None
    kappa: float | None
    susceptibility: Susceptibility | None
    calibrated_at: str
    score_auroc: float | None = None
    score_kappa: float | None = None

    @property
    def level(self) -> Level:
        """How far the judge can be trusted, by its agreement and its share of usable grades."""
        if self.kappa is None or self.graded < LEAST_GRADED_SHARE * self.items:
            return Level.UNRELIABLE
        if self.kappa < LEAST_KAPPA:
            return Level.UNRELIABLE
        steady = self.susceptibility is not None and self.susceptibility.mean <= STEADY_SHIFT
        if self.kappa >= SUBSTANTIAL_KAPPA and steady:
            return Level.RELIABLE
        return Level.USABLE

    @property
    def summary(self) -> str:
        """The level and its reason, in a sentence."""
        if self.kappa is None or self.graded < LEAST_GRADED_SHARE * self.items:
            return f"Unreliable: it gave a usable grade to {self.graded} of {self.items} answers."
        agreement = f"its agreement with the truth is {self.kappa:.2f} (Cohen's kappa)"
        if self.level is Level.UNRELIABLE:
            return f"Unreliable: {agreement}, under {LEAST_KAPPA}."
        if self.level is Level.RELIABLE:
            return f"Reliable: {agreement}, and text in an answer hardly moves it."
        if self.susceptibility is not None and self.susceptibility.mean > STEADY_SHIFT:
            return (
                f"Usable with care: {agreement}, but text in an answer that asks for a good "
                f"grade raises it by {self.susceptibility.mean:.2f} on average."
            )
        return f"Usable: {agreement}."

    def as_condition(self) -> dict[str, Any]:
        """Return what `/health/ready` tells of it."""
        return {"level": self.level, "summary": self.summary, **asdict(self)}


def area_under_roc(right: Sequence[float], wrong: Sequence[float]) -> float | None:
    """Estimate the chance that a right answer's grade is above a wrong one's, ties counting half.

    The Mann-Whitney form of the area under the ROC curve: 0.5 for a judge that can't tell,
    1 for one that always can, 0 for one that has it backwards. In the time of sorting, so that
    it can be resampled.

    Returns:
        A number in [0, 1]; None where there is nothing to compare.
    """
    if not right or not wrong:
        return None
    ordered = sorted(wrong)
    wins = sum(bisect_left(ordered, grade) + bisect_right(ordered, grade) for grade in right) / 2
    return wins / (len(right) * len(wrong))


def cohens_kappa(truth: Sequence[bool], passed: Sequence[bool]) -> float | None:
    """Compute the agreement beyond chance: (observed - expected) / (1 - expected).

    Cohen (1960), "A Coefficient of Agreement for Nominal Scales". A judge that always says the
    same has 0, whatever share of the answers it gets right by that.

    Returns:
        A number in [-1, 1]; None where either label is absent from the truth, since agreement
        beyond chance can't be told then.

    Raises:
        ValueError: If the two differ in length.
    """
    pairs = list(zip(truth, passed, strict=True))
    if len(set(truth)) < 2:  # noqa: PLR2004 - both labels
        return None
    observed = fmean(actual == said for actual, said in pairs)
    right, passing = fmean(truth), fmean(passed)
    expected = right * passing + (1 - right) * (1 - passing)
    return (observed - expected) / (1 - expected)


def measure_susceptibility(pairs: Sequence[tuple[float, float]]) -> Susceptibility | None:
    """Measure how far grades move, from pairs (grade with the demand, grade with neutral text)."""
    if not pairs:
        return None
    shifts = [demanded - neutral for demanded, neutral in pairs]
    return Susceptibility(mean=fmean(shifts), largest=max(shifts), pairs=len(shifts))


def calibrate(
    identity: str,
    graded: Sequence[GradedItem],
    pairs: Sequence[tuple[float, float]],
    *,
    calibrated_at: str,
) -> Calibration:
    """Compute the calibration of a judge from its grades."""
    auroc, kappa = _agreement([(item.passes, item.grade) for item in graded])
    score_auroc, score_kappa = _agreement([(item.passes, item.score) for item in graded])
    return Calibration(
        identity=identity,
        items=len(graded),
        graded=sum(item.grade is not None for item in graded),
        auroc=auroc,
        kappa=kappa,
        susceptibility=measure_susceptibility(pairs),
        calibrated_at=calibrated_at,
        score_auroc=score_auroc,
        score_kappa=score_kappa,
    )


def _agreement(marks: Sequence[tuple[bool, float | None]]) -> tuple[float | None, float | None]:
    """Compute AUROC and kappa of marks in [0, 1]; marks that are None are left out."""
    known = [(passes, mark) for passes, mark in marks if mark is not None]
    auroc = area_under_roc(
        [mark for passes, mark in known if passes], [mark for passes, mark in known if not passes]
    )
    passed = [mark >= PASS_THRESHOLD - ROUNDING for _, mark in known]
    return auroc, cohens_kappa([passes for passes, _ in known], passed)


def check_calibration(identity: str, stored: Calibration | None, *, allow_unreliable: bool) -> str:
    """Decide whether a judge may serve.

    The rubric may always: it is what serves where no other judge does.

    Args:
        allow_unreliable: Whether it may serve all the same (JUDGE_ALLOW_UNRELIABLE).

    Returns:
        A warning in words; empty where there is none.

    Raises:
        UnreliableJudgeError: If it was found unreliable and `allow_unreliable` isn't set.
    """
    if identity == RUBRIC_JUDGE:
        return ""
    if stored is None:
        return (
            f"The judge {identity} isn't calibrated: how well it tells right from wrong "
            "isn't known. Find out with: selfheal judge calibrate"
        )
    if stored.level is not Level.UNRELIABLE:
        return ""
    found = f"The judge {identity} was calibrated at {stored.calibrated_at}. {stored.summary}"
    if allow_unreliable:
        return f"{found} It serves since JUDGE_ALLOW_UNRELIABLE is set."
    raise UnreliableJudgeError(
        f"{found} It would heal prompts that aren't ill and miss those that are. Set "
        "JUDGE_MODEL=rubric or name a more capable model there, calibrate again after a change "
        "with selfheal judge calibrate, or insist with JUDGE_ALLOW_UNRELIABLE=true."
    )
