"""Says of each thing that was run whether it came out as it should, and why."""

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from services.evaluator.app.sandbox.run.execution import (
    Execution,
    Limit,
    Opaque,
    StepResult,
    Value,
)
from services.evaluator.app.services.behaviour.probe import Kind, Probe, ProbePlan
from services.evaluator.app.services.comparison import agrees, is_within

Verdict = Literal[
    "kept", "contradicted",  # examples
    "returned", "gave_none", "raised",  # plausible calls
    "inconclusive", "not_reached",
]  # fmt: skip

MAX_SHOWN_CHARACTERS = 120
# An argument of the wrong kind mostly shows in one of these; a guess may be of the wrong kind.
WRONG_KIND = frozenset({"TypeError", "AttributeError", "ValueError", "KeyError"})
# A text may lack the form that is wanted, whatever its hint says.
WRONG_FORM = frozenset({"ValueError", "KeyError"})
STOPPED_BY: dict[Limit, str] = {
    "cpu": "gave no answer in its processor time",
    "wall": "gave no answer in time",
    "memory": "took more memory than it may",
    "output": "printed more than it may",
    "crash": "ended the process",
}


@dataclass(frozen=True, slots=True)
class Observation:
    """What became of one probe.

    Attributes:
        kind: Example or call.
        ran: What was run.
        came_back: The value in short, or the exception; at most 120 characters.
        expected: An example's value or exception in short; empty for a call.
        verdict: How it came out.
        reason: Why, in words.
        is_edge: Whether it was an edge case.
        is_hindered: Whether the sandbox stood in the way, or the value wasn't ready.
    """

    kind: Kind
    ran: str
    came_back: str
    expected: str
    verdict: Verdict
    reason: str
    is_edge: bool = False
    is_hindered: bool = False


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What running an answer showed.

    Attributes:
        observations: One for each probe, in order.
        loaded: Whether the code loaded; None where that isn't known.
    """

    observations: tuple[Observation, ...] = ()
    loaded: bool | None = None

    def with_verdict(self, *verdicts: Verdict) -> tuple[Observation, ...]:
        """Those that came out in one of these ways."""
        return tuple(one for one in self.observations if one.verdict in verdicts)

    @property
    def examples_kept(self) -> tuple[Observation, ...]:
        """Examples of the request that came out as it says."""
        return self.with_verdict("kept")

    @property
    def examples_contradicted(self) -> tuple[Observation, ...]:
        """Examples of the request that came out otherwise."""
        return self.with_verdict("contradicted")

    @property
    def calls_returned(self) -> tuple[Observation, ...]:
        """Plausible calls that gave a value, edge cases left out."""
        return tuple(one for one in self.with_verdict("returned") if not one.is_edge)

    @property
    def calls_failed(self) -> tuple[Observation, ...]:
        """Plausible calls that raised or gave None, edge cases left out."""
        failed = self.with_verdict("raised", "gave_none")
        return tuple(one for one in failed if not one.is_edge)


def assess(plan: ProbePlan, execution: Execution) -> Behaviour:
    """Hold what came back against what was planned; pure."""
    if execution.status == "unavailable":
        return Behaviour()
    culprit = _culprit(execution)
    observations = tuple(_observe(probe, plan, execution, culprit) for probe in plan.probes)
    loaded = None if execution.status == "inconclusive" else execution.loaded
    return Behaviour(observations, loaded)


def _culprit(execution: Execution) -> int | None:
    """The step during which the run was stopped: the first that has no result."""
    if execution.status != "stopped" or not execution.loaded:
        return None
    for index, step in enumerate(execution.steps):
        if step.outcome == "not_finished":
            return index
    return None


def _observe(
    probe: Probe, plan: ProbePlan, execution: Execution, culprit: int | None
) -> Observation:
    steps = execution.steps[probe.first : probe.last + 1]
    expected = _expectation(probe)

    def observed(verdict: Verdict, reason: str, came_back: str = "") -> Observation:
        return Observation(
            probe.kind, shorten(probe.ran), came_back, expected, verdict, reason,
            probe.is_edge,
        )  # fmt: skip

    if culprit is not None and probe.first <= culprit <= probe.last:
        why = STOPPED_BY.get(execution.limit, "didn't come to an end")
        reason = f"{shorten(probe.ran)} {why}"
        return observed(_verdict_when_stopped(probe), reason)
    if len(steps) <= probe.last - probe.first or any(
        step.outcome == "not_finished" for step in steps
    ):
        return observed("not_reached", "the run ended before it")
    if hindered := next((step for step in steps if step.outcome == "inconclusive"), None):
        reason = f"it needs what the sandbox doesn't have: {_error(hindered)}"
        return replace(observed("inconclusive", reason), is_hindered=True)
    result = steps[-1]
    came_back = _error(result) if result.outcome == "raised" else show(result.value)
    if plan.returns_late and isinstance(result.value, Opaque):
        late = observed("inconclusive", "what came back isn't the value yet", came_back)
        return replace(late, is_hindered=True)
    verdict, reason = _judge(probe, steps, may_give_none=plan.may_give_none)
    return observed(verdict, reason, came_back)


def _verdict_when_stopped(probe: Probe) -> Verdict:
    if probe.kind == "example":
        return "contradicted"
    return "raised" if probe.is_sure else "inconclusive"


def _judge(
    probe: Probe, steps: Sequence[StepResult], *, may_give_none: bool
) -> tuple[Verdict, str]:
    if probe.kind == "example":
        return _judge_example(probe, steps)
    return _judge_call(probe, steps, may_give_none=may_give_none)


def _judge_example(probe: Probe, steps: Sequence[StepResult]) -> tuple[Verdict, str]:
    result = steps[-1]
    ran = shorten(probe.ran)
    if probe.expected_error:
        return _judge_expected_error(probe, result)
    if result.outcome == "raised":
        raised = next((step for step in steps if step.outcome == "raised"), result)
        return "contradicted", f"{ran} raised {_error(raised)}, not {show(probe.expected)}"
    if is_within(result.value, probe.expected, probe.tolerance) or agrees(
        result.value, probe.expected, any_order=probe.any_order, any_sequence=probe.loose
    ):
        return "kept", f"{ran} gave {show(result.value)}, as the request says"
    return (
        "contradicted",
        f"{ran} gave {show(result.value)}, and the request says {show(probe.expected)}",
    )


def _judge_expected_error(probe: Probe, result: StepResult) -> tuple[Verdict, str]:
    ran = shorten(probe.ran)
    if result.outcome != "raised":
        return (
            "contradicted",
            f"{ran} gave {show(result.value)}, and it should raise {probe.expected_error}",
        )
    if _is_a(result.error, probe.expected_error):
        return "kept", f"{ran} raised {result.error}, as the request says"
    if getattr(builtins, result.error, None) is None and result.error != probe.expected_error:
        return "inconclusive", f"{ran} raised {result.error}, which may be a {probe.expected_error}"
    return (
        "contradicted",
        f"{ran} raised {_error(result)}, and the request says {probe.expected_error}",
    )


def _is_a(name: str, wanted: str) -> bool:
    """Whether an exception is of a kind, as far as names of built-in ones tell."""
    raised, expected = getattr(builtins, name, None), getattr(builtins, wanted, None)
    if name == wanted:
        return True
    return isinstance(raised, type) and isinstance(expected, type) and issubclass(raised, expected)


def _judge_call(
    probe: Probe, steps: Sequence[StepResult], *, may_give_none: bool
) -> tuple[Verdict, str]:
    result = steps[-1]
    ran = shorten(probe.ran)
    if raised := next((step for step in steps if step.outcome == "raised"), None):
        if raised.error in _doubted(probe):
            return "inconclusive", f"{ran} raised {_error(raised)}; it may want other arguments"
        return "raised", f"{ran} raised {_error(raised)}"
    if result.value is None:
        if may_give_none:
            return "inconclusive", f"{ran} gave None, which may be what is asked for"
        return "gave_none", f"{ran} gave None"
    return "returned", f"{ran} gave {show(result.value)}"


def _doubted(probe: Probe) -> frozenset[str]:
    """Errors that may be due to the arguments instead of the code."""
    if not probe.is_sure:
        return WRONG_KIND
    return WRONG_FORM if "'" in probe.ran else frozenset()


def _expectation(probe: Probe) -> str:
    if probe.kind == "example":
        return probe.expected_error or show(probe.expected)
    return ""


def _error(step: StepResult) -> str:
    return shorten(f"{step.error}: {step.message}" if step.message else step.error)


def show(value: Value) -> str:
    """A value in short; one that didn't come back, by its type."""
    if isinstance(value, Opaque):
        return shorten(f"an object of type {value.type_name}")
    try:
        return shorten(repr(value))
    except ValueError:
        # Python refuses to write integers of over 4,300 digits.
        return f"a value of type {type(value).__name__}"


def shorten(text: str) -> str:
    """A text on one line, cut at 120 characters."""
    line = " ".join(text.split())
    cut = MAX_SHOWN_CHARACTERS - 1
    return line if len(line) <= MAX_SHOWN_CHARACTERS else f"{line[:cut]}…"
