"""What is planned to be run of an answer, step by step, and what each step is for."""

from dataclasses import dataclass, field
from typing import Literal

from services.evaluator.app.sandbox.run.execution import Value
from services.evaluator.app.sandbox.run.request import Step
from services.evaluator.app.services.comparison import Comparison

Kind = Literal["check", "example", "call"]

MAX_STEPS = 24


@dataclass(frozen=True, slots=True)
class Probe:
    """One or more steps that try one thing.

    Attributes:
        ran: What is run, as a person would write it; of a check, its number.
        expected_error: Class name of the exception that it expects; empty for a value.
        tolerance: How far a number may be off; 0 for the usual rounding errors.
        reading: Which reading of the request a check belongs to.
        is_one_of_several: Whether another value may be right as well.
        is_output: Whether the value is what a program prints.
        may_ask: Whether the program may print more, since it asks for its input.
    """

    kind: Kind
    ran: str
    first: int = 0
    last: int = 0
    expected: Value = None
    expected_error: str = ""
    comparison: Comparison = field(default_factory=Comparison)
    tolerance: float = 0.0
    reading: int = 0
    is_one_of_several: bool = False
    is_output: bool = False
    may_ask: bool = False


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """All steps and probes of one answer's run.

    Attributes:
        steps: Source of one expression or statement each, or runs of the program by itself; at
            most 24, run in order.
        is_golden: Whether the request has checks, also where none fits the answer.
        untried: Why nothing that is planned shows whether the answer is right; empty where
            something does.
        prelude: What the request shows or implies and the program reads; goes before it.
    """

    steps: tuple[Step, ...] = ()
    probes: tuple[Probe, ...] = ()
    may_give_none: bool = True
    is_golden: bool = False
    untried: str = ""
    prelude: str = ""
