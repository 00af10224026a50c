"""Says whether what a trial gave is right by any reading of its request, and why."""

from collections.abc import Sequence
from typing import Literal

from services.evaluator.app.sandbox.execution import Opaque, StepResult, Value
from services.evaluator.app.services.comparison import agrees
from services.evaluator.app.services.probes_plan import Probe
from services.evaluator.app.services.properties_intents import Arguable

# What goes wrong with arguments of a kind that the code doesn't take.
WRONG_KIND = frozenset({"TypeError", "AttributeError"})

Verdict = Literal["held", "broken", "inconclusive"]


def check_property(
    probe: Probe, steps: Sequence[StepResult], *, may_give_none: bool
) -> tuple[Verdict, str]:
    """Whether what came back is right by any reading of the request, and why."""
    call = steps[1] if len(steps) > 1 else steps[-1]
    if call.outcome == "raised":
        if probe.is_edge or call.error in WRONG_KIND:
            return "inconclusive", f"{probe.ran} raised {call.error}"
        return "broken", f"{probe.ran} raised {call.error}; {_right(probe)}"
    value = call.value
    left = steps[-1].value
    if probe.keeps_argument and not agrees(left, probe.arguments[0]):
        return "broken", f"{probe.ran} changed its argument, which was to stay as it is"
    if value is None and probe.in_place:
        value = left
    if any(_is_right(value, right, probe) for right in probe.accepted):
        return "held", f"{probe.ran} is right ({probe.property_name})"
    if _is_open(value, probe, may_give_none=may_give_none):
        return "inconclusive", f"{probe.ran} gave something else than a value to compare"
    return "broken", f"{probe.ran} gave {_shown(value)}; {_right(probe)}"


def _is_right(value: Value, right: Value, probe: Probe) -> bool:
    # To Python 0 is False. To a search that may say False for "not there", 0 is a place.
    is_yes_or_no = all(isinstance(one, bool) for one in probe.accepted)
    if not is_yes_or_no and isinstance(value, bool) != isinstance(right, bool):
        return False
    return agrees(value, right, any_order=probe.any_order, any_sequence=True)


def _is_open(value: Value, probe: Probe, *, may_give_none: bool) -> bool:
    """Whether a value says nothing: an object of its own, words for yes and no, a print."""
    if isinstance(value, Opaque) or any(
        isinstance(one, Arguable) and isinstance(value, one.kind) for one in probe.accepted
    ):
        return True
    if value is None:
        return may_give_none
    says_yes_or_no = any(isinstance(right, bool) for right in probe.accepted)
    return says_yes_or_no and isinstance(value, str | tuple | list | dict)


def _right(probe: Probe) -> str:
    return f"{_shown(probe.accepted[0])} is right ({probe.property_name})"


def _shown(value: Value) -> str:
    return repr(value)[:60]
