"""Plausible calls of a function, read off its parameters and the request's words."""

from dataclasses import dataclass

from services.evaluator.app.services.probes_target import Target


@dataclass(frozen=True, slots=True)
class PlausibleCall:
    """A call that a right answer should be able to take.

    Attributes:
        steps: Source of its steps; the last one is the call.
        is_edge: Whether it is an edge case, such as an empty list, where raising is no fault.
        is_sure: Whether hints and names leave no doubt about the kinds of its arguments.
    """

    steps: tuple[str, ...]
    is_edge: bool = False
    is_sure: bool = True


def plausible_calls(target: Target, user_input: str) -> tuple[PlausibleCall, ...]:
    """Up to six calls, the likeliest first."""
    return ()
