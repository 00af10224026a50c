"""Decides from guard inputs whether a candidate breaks what works: a comparison under noise. Pure.

Both prompts are run on the same inputs, which passed in traffic. Where a model answers by luck,
some of them fail under any prompt: how many, the incumbent's own failures tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp

from services.common.record.surprise import beta_binomial_tail, log_beta

GUARDS_PER_FAILURE = 10
# Most looks at guards take in, in times of those that were planned.
MOST_TIMES = 4
# Guards of each further look.
GUARDS_PER_LOOK = 5
# Where no more newly fail than may, so many guards must say so if there are more to ask.
ENOUGH_TO_CLEAR = 15
# What is believed of a model before its guards are run: nine in ten are steady, and fail 2 % of
# what passed before, which is worth ten guards; of the others any rate is as likely.
STEADY_FAILURES, STEADY_PASSES = 0.2, 9.8
UNSTEADY_SHARE = 0.1
# Noise explains so many failures unless the chance of so many or more is at most this.
NOISE_LEVEL = 0.05
# Chances outside of these settle it before all guards were asked.
CLEARLY_DAMAGE, CLEARLY_NOISE = 0.005, 0.5


@dataclass(frozen=True, slots=True)
class Damage:
    """What the candidate breaks among inputs that passed in traffic lately.

    Attributes:
        checked: Guard inputs on which the candidate was run.
        newly_failing: Those that the incumbent passes and the candidate fails, both run now.
        allowed: How many of so many may newly fail, whatever they are due to.
        incumbent_fails: How many of them the incumbent fails now.
        candidate_fails: How many of them the candidate fails.
        bears_none: Whether none may newly fail, whatever explains it.
    """

    checked: int
    newly_failing: tuple[str, ...]
    allowed: int
    incumbent_fails: int = 0
    candidate_fails: int = 0
    bears_none: bool = False

    @property
    def exceeds_allowance(self) -> bool:
        """Whether more newly fail than may without an explanation."""
        return len(self.newly_failing) > self.allowed

    @property
    def chance_of_noise(self) -> float:
        """Chance that noise alone makes the candidate fail so many or more, in (0, 1].

        What the candidate mends among the guards counts for it: it is how many it fails of all
        of them that is compared, with how many the incumbent does.
        """
        return chance_of_failures(self.candidate_fails, self.incumbent_fails, self.checked)

    @property
    def needs_incumbent(self) -> bool:
        """Whether it matters how many of all guards the incumbent fails."""
        return self.exceeds_allowance and not self.bears_none

    @property
    def is_bearable(self) -> bool:
        """Whether the candidate may serve in spite of it."""
        if not self.newly_failing:
            return True
        if self.bears_none:
            return False
        return not self.exceeds_allowance or self.chance_of_noise > NOISE_LEVEL

    @property
    def is_settled(self) -> bool:
        """Whether more guards needn't be asked."""
        if not self.newly_failing or self.bears_none:
            return True
        if not self.exceeds_allowance:
            return self.checked >= ENOUGH_TO_CLEAR
        return not CLEARLY_DAMAGE < self.chance_of_noise <= CLEARLY_NOISE


def assess_damage(
    incumbent: Mapping[str, bool], candidate: Mapping[str, bool], *, max_newly_failing: int
) -> Damage:
    """Compare passes on guard inputs.

    Args:
        incumbent: Whether the incumbent passes, by input; where it isn't known, it is taken to
            pass, and asking it where the candidate passes can only speak for the candidate.
        max_newly_failing: How many of each full ten inputs may newly fail, whatever they are due
            to. With 0 none may, whatever explains it.
    """
    failing = [name for name, passes in candidate.items() if not passes]
    return Damage(
        checked=len(candidate),
        newly_failing=tuple(name for name in failing if incumbent.get(name, True)),
        allowed=max_newly_failing * len(candidate) // GUARDS_PER_FAILURE,
        incumbent_fails=sum(not incumbent.get(name, True) for name in candidate),
        candidate_fails=len(failing),
        bears_none=max_newly_failing == 0,
    )


def chance_of_failures(failures: int, incumbent_fails: int, guards: int) -> float:
    """Compute the chance of so many failures or more if a prompt fails as the incumbent does.

    The rate at which the incumbent fails isn't known, so the chance is a posterior predictive one
    (Gelman and others, "Bayesian Data Analysis", 3rd ed. 2013, section 6.3): beta-binomial, with a
    mixture of two beta priors, one of models that are steady and one of any.

    Args:
        failures: From 0 to `guards`.
        incumbent_fails: From 0 to `guards`.

    Returns:
        A probability in (0, 1].
    """
    weights, tails = [], []
    for share, failing, passing in (
        (1 - UNSTEADY_SHARE, STEADY_FAILURES, STEADY_PASSES),
        (UNSTEADY_SHARE, 1.0, 1.0),
    ):
        now_failing = failing + incumbent_fails
        now_passing = passing + guards - incumbent_fails
        weights.append(share * exp(log_beta(now_failing, now_passing) - log_beta(failing, passing)))
        tails.append(beta_binomial_tail(failures, guards, now_failing, now_passing))
    mixed = sum(weight * tail for weight, tail in zip(weights, tails, strict=True))
    return mixed / sum(weights)
