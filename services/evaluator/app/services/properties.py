"""Properties that every right answer to a well-known request has, and what to run to see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from services.evaluator.app.sandbox.execution import StepResult, Value
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.probes_plan import Probe
from services.evaluator.app.services.probes_target import Target


@dataclass(frozen=True, slots=True)
class Trial:
    """One call that is made to see a property."""

    property_name: str
    shown: str
    arguments: tuple[Value, ...]
    is_edge: bool = False
    is_sure: bool = True

    def steps(self, variable: str) -> tuple[str, ...]:
        """Source of its steps."""
        return ()


def find_trials(evidence: Evidence, target: Target) -> Sequence[Trial]:
    """What to run to see the properties that an answer to this request must have."""
    return ()


def check_property(
    probe: Probe, steps: Sequence[StepResult], *, may_give_none: bool
) -> tuple[Literal["held", "broken", "inconclusive"], str]:
    """Whether the property was seen."""
    return "inconclusive", ""
