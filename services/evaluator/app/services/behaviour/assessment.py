"""Compares what each probe came to with what was expected of it, and says why."""

import builtins
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from services.evaluator.app.sandbox.run.execution import (
    Built,
    Execution,
    Items,
    Limit,
    Opaque,
    StepResult,
    Value,
)
from services.evaluator.app.services.behaviour.probe import Kind, Probe, ProbePlan
from services.evaluator.app.services.comparison import Comparison, is_within

ProbeOutcome = Literal[
    "kept", "contradicted",  # checks and examples
    "returned", "gave_none", "raised",  # plausible calls
    "inconclusive", "not_reached",
]  # fmt: skip

MAX_SHOWN_CHARACTERS = 120
# Arguments are guesses: of what a call can raise, this alone is the code's own fault for sure.
OWN_FAULT = "NameError"
# Of a check nothing but its number may be told, nor what the code gave or said beside checks: it
# can find them in its process.
TOLD_OF_CHECKS: dict[ProbeOutcome, str] = {
    "kept": "passed",
    "contradicted": "failed",
    "inconclusive": "couldn't be tried",
    "not_reached": "wasn't reached",
}
TOLD_OF_LOADING = {
    "load_failed": "loading raised an exception",
    "inconclusive": "loading asked for what the sandbox doesn't have",
}
DECIMAL = re.compile(r"-?\d{1,15}\.\d{1,40}")
STOPPED_BY: dict[Limit, str] = {
    "cpu": "gave no answer in its processor time",
    "wall": "gave no answer in time",
    "memory": "took more memory than it may",
    "output": "printed more than it may",
    "crash": "ended the process",
}


@dataclass(frozen=True, slots=True)
class Observation:
    """The outcome of one probe.

    Attributes:
        ran: What was run; of a check, its number.
        came_back: The value in short, or the exception; at most 120 characters.
        expected: An example's value or exception in short; empty for a check or a call.
        is_hindered: Whether the sandbox stood in the way, or the value wasn't ready.
    """

    kind: Kind
    ran: str
    came_back: str
    expected: str
    outcome: ProbeOutcome
    reason: str
    is_hindered: bool = False


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What running an answer showed.

    Attributes:
        is_golden: Whether there are checks to hold it against.
        untried: Why nothing was tried that tells; empty where something was.
    """

    observations: tuple[Observation, ...] = ()
    is_golden: bool = False
    untried: str = ""

    def of(self, kind: Kind, *outcomes: ProbeOutcome) -> tuple[Observation, ...]:
        """Select those of a kind that came out in one of these ways."""
        return tuple(
            one for one in self.observations if one.kind == kind and one.outcome in outcomes
        )


def assess(plan: ProbePlan, execution: Execution) -> Behaviour:
    """Hold what came back against what was planned; pure.

    Of several readings of the request the answer is held to the one in which it keeps the most
    checks.
    """
    if execution.status == "unavailable":
        return Behaviour()
    observed = [(probe, _observe(probe, plan, execution)) for probe in plan.probes]
    kept = Counter(
        probe.reading for probe, one in observed if one.kind == "check" and one.outcome == "kept"
    )
    reading = max(kept, key=lambda number: (kept[number], -number), default=0)
    return Behaviour(
        tuple(one for probe, one in observed if one.kind != "check" or probe.reading == reading),
        plan.is_golden,
        plan.untried,
    )


def _observe(probe: Probe, plan: ProbePlan, execution: Execution) -> Observation:
    seen = _look_at(probe, plan, execution)
    told = TOLD_OF_CHECKS.get(seen.outcome)
    if told is None or not plan.is_golden:
        return seen
    expected = "" if probe.kind == "check" else seen.expected
    return replace(seen, came_back="", expected=expected, reason=f"{seen.ran} {told}")


def mute(execution: Execution) -> Execution:
    """Leave out what a run said of itself; the kind of its failure stays."""
    told = TOLD_OF_LOADING[execution.status] if execution.error else execution.reason
    return replace(execution, reason=told, error="", output="")


def _look_at(probe: Probe, plan: ProbePlan, execution: Execution) -> Observation:
    steps = execution.steps[probe.first : probe.last + 1]
    expected = "" if probe.kind == "call" else probe.expected_error or show(probe.expected)
    finished = [step for step in execution.steps if step.outcome != "not_finished"]

    def observed(outcome: ProbeOutcome, reason: str, came_back: str = "") -> Observation:
        return Observation(probe.kind, shorten(probe.ran), came_back, expected, outcome, reason)

    was_stopped = execution.status == "stopped" and execution.loaded
    if was_stopped and probe.first <= len(finished) <= probe.last < len(execution.steps):
        why = STOPPED_BY.get(execution.limit, "didn't come to an end")
        reason = f"{shorten(probe.ran)} {why}"
        return observed("inconclusive" if probe.kind == "call" else "contradicted", reason)
    if len(finished) <= probe.last:
        return observed("not_reached", "the run ended before it")
    if hindered := next((step for step in steps if step.outcome == "inconclusive"), None):
        reason = f"it needs what the sandbox doesn't have: {_error(hindered)}"
        return replace(observed("inconclusive", reason), is_hindered=True)
    result = steps[-1]
    came_back = _error(result) if result.outcome == "raised" else show(result.value)
    if probe.is_output and _prints_it_last(probe, result):
        asking = observed("inconclusive", "it prints its questions as well", came_back)
        return replace(asking, is_hindered=True)
    if probe.comparison.any_iterable and isinstance(result.value, Opaque):
        endless = observed("inconclusive", "what came back has no end to be seen", came_back)
        return replace(endless, is_hindered=True)
    if probe.kind == "call":
        outcome, reason = _judge_call(probe, steps, may_give_none=plan.may_give_none)
    else:
        outcome, reason = _judge_example(probe, steps)
    return observed(outcome, reason, came_back)


def _judge_example(probe: Probe, steps: Sequence[StepResult]) -> tuple[ProbeOutcome, str]:
    result = steps[-1]
    ran = shorten(probe.ran)
    if probe.expected_error:
        return _judge_expected_error(probe, result)
    if result.outcome == "raised":
        raised = next((step for step in steps if step.outcome == "raised"), result)
        return "contradicted", f"{ran} raised {_error(raised)}, not {show(probe.expected)}"
    if probe.is_output:
        expected = _text(probe.expected)
        result = replace(result, value=_with_shown_decimals(_text(result.value), expected))
        probe = replace(probe, expected=expected)
    if is_within(result.value, probe.expected, probe.tolerance) or probe.comparison.agrees(
        result.value, probe.expected
    ):
        return "kept", f"{ran} gave {show(result.value)}, as the request says"
    may_be = probe.is_one_of_several and isinstance(probe.expected, list | tuple | str)
    return (
        "inconclusive" if may_be and type(result.value) is type(probe.expected) else "contradicted",
        f"{ran} gave {show(result.value)}, and the request says {show(probe.expected)}",
    )


def _text(printed: Value) -> str:
    """Return what was printed as graders compare it, without blanks at the end of lines."""
    return "\n".join(line.rstrip() for line in str(printed).rstrip().splitlines())


def _with_shown_decimals(text: str, expected: str) -> str:
    """Write decimals as they are expected where they differ by a rounding error alone."""
    wanted = DECIMAL.findall(expected)
    if len(wanted) != len(DECIMAL.findall(text)):
        return text
    shown = iter(wanted)

    def rewrite(number: re.Match[str]) -> str:
        other = next(shown)
        is_it = Comparison().agrees(float(number[0]), float(other))
        return other if is_it else number[0]

    return DECIMAL.sub(rewrite, text)


def _prints_it_last(probe: Probe, result: StepResult) -> bool:
    """Whether a program that asks for its input prints its questions, and then the right text."""
    text, expected = _text(result.value), _text(probe.expected)
    return probe.may_ask and text != expected and text.endswith(expected)


def _judge_expected_error(probe: Probe, result: StepResult) -> tuple[ProbeOutcome, str]:
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
    if not (isinstance(raised, type) and isinstance(expected, type)):
        return name == wanted
    return issubclass(raised, expected)


def _judge_call(
    probe: Probe, steps: Sequence[StepResult], *, may_give_none: bool
) -> tuple[ProbeOutcome, str]:
    result = steps[-1]
    ran = shorten(probe.ran)
    if raised := next((step for step in steps if step.outcome == "raised"), None):
        if raised.error == OWN_FAULT:
            return "raised", f"{ran} raised {_error(raised)}"
        return "inconclusive", f"{ran} raised {_error(raised)}; it may want other arguments"
    if result.value is None:
        if may_give_none:
            return "inconclusive", f"{ran} gave None, which may be right"
        return "gave_none", f"{ran} gave None"
    return "returned", f"{ran} gave {show(result.value)}"


def _error(step: StepResult) -> str:
    return shorten(f"{step.error}: {step.message}" if step.message else step.error)


def show(value: Value) -> str:
    """Write a value in short; one that didn't come back is named by its type."""
    if isinstance(value, Opaque):
        return shorten(f"an object of type {value.type_name}")
    try:
        match value:
            case Items(type_name, members):
                return shorten(f"a {type_name} of {list(members)!r}")
            case Built(type_name, arguments):
                return shorten(f"{type_name}({', '.join(map(repr, arguments))})")
        return shorten(repr(value))
    except ValueError:
        # Python refuses to write integers of over 4,300 digits.
        return f"a value of type {type(value).__name__}"


def shorten(text: str) -> str:
    """Put a text on one line, cut at 120 characters."""
    line = " ".join(text.split())
    cut = MAX_SHOWN_CHARACTERS - 1
    return line if len(line) <= MAX_SHOWN_CHARACTERS else f"{line[:cut]}…"
