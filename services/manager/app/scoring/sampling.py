"""Chooses which of the door's answers are scored, and says with what chance. Pure."""

from dataclasses import dataclass

from services.common.task_types.task_type import Sampling


@dataclass(frozen=True, slots=True)
class Mark:
    """That an answer is to be scored, and with what chances it was chosen.

    Attributes:
        with_judge: Whether the judge is asked, or the rules alone.
        rules_share: Chance with which the rules look at an answer, in (0, 1].
        judge_share: Chance with which it is judged as well, in (0, 1]; at most `rules_share`.
    """

    with_judge: bool
    rules_share: float
    judge_share: float


def choose_scoring(sampling: Sampling, draw: float) -> Mark | None:
    """Choose what is done with an answer; None leaves it unscored.

    One draw makes both choices, so that what is judged is among what the rules look at.

    Args:
        sampling: The shares of the answer's task type.
        draw: A random number in [0, 1).
    """
    if draw >= sampling.rules:
        return None
    return Mark(draw < sampling.judge, sampling.rules, sampling.judge)


def inclusion_probability(mark: Mark, *, fails_by_rules: bool) -> float:
    """Return the chance with which this answer's outcome came to be known, in (0, 1].

    What the rules prove to fail would have been known without the judge. Weighing by the inverse
    is the estimator of Horvitz and Thompson (1952).
    """
    return mark.rules_share if fails_by_rules else mark.judge_share
