"""Rules and a criterion about what an answer's code did when it was run. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from services.common.task_types.rules import Finding, Grade, failed, not_applicable, passed
from services.evaluator.app.sandbox.run.execution import Execution
from services.evaluator.app.services.behaviour.assessment import Behaviour
from services.evaluator.app.services.behaviour.probe import Kind

EvidenceGrade = Literal["checks", "examples", "plausible_calls", "static"]

# What a run shows is worth this much: a value that is known to be right says most.
VALUES_RIGHT_GRADE = 1.0
EVERY_CALL_RETURNED_GRADE = 0.65
NOTHING_SEEN_GRADE = 0.6
# No plausible call gave a value, and none shows a fault: right code passes with this.
ONLY_DOUBT_GRADE = 0.5
NO_CALL_RETURNED_GRADE = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """An execution of an answer's code, and what it shows of the answer."""

    execution: Execution
    behaviour: Behaviour

    @property
    def obstacle(self) -> str:
        """Say what kept the code from being tried; empty where nothing did.

        One example or check that couldn't be tried is enough: code that does well where it is
        seen might hide behind the sandbox where it isn't, or behind a form that no check fits.
        Without either, nothing is known that a call could be held against: it may stay open.
        """
        if self.behaviour.untried:
            return self.behaviour.untried
        if self.execution.status == "inconclusive":
            return self.execution.reason
        hindered = [
            one for one in self.behaviour.observations if one.is_hindered and one.kind != "call"
        ]
        if hindered:
            return hindered[0].reason
        is_untried = self.behaviour.is_golden and self.evidence != "checks"
        return "no check of the golden input fits its form" if is_untried else ""

    @property
    def evidence(self) -> EvidenceGrade:
        """Grade what the findings rest on: known right values, plausible calls, or nothing."""
        behaviour = self.behaviour
        if behaviour.of("check", "kept", "contradicted"):
            return "checks"
        if behaviour.of("example", "kept", "contradicted"):
            return "examples"
        if behaviour.of("call", "returned", "raised", "gave_none"):
            return "plausible_calls"
        return "static"


def loads(run: Run) -> Finding:
    """Check that the code loads: it raises nothing by itself, and comes to an end."""
    execution = run.execution
    if execution.status == "unavailable":
        return not_applicable("no code is run on this machine")
    if execution.status == "inconclusive":
        return not_applicable(f"loading it can't be judged here: {execution.reason}")
    if execution.loaded:
        return passed("the code loads")
    return failed(f"the code doesn't load: {execution.reason}")


def keeps_the_examples(run: Run) -> Finding:
    """Check that the code, called as the request shows, gives what the request shows."""
    return _find_values(run, "example", nothing="no example of the request was run")


def passes_the_checks(run: Run) -> Finding:
    """Check that the code gives what the golden input's checks expect."""
    return _find_values(run, "check", nothing="no check was run")


def _find_values(run: Run, kind: Kind, *, nothing: str) -> Finding:
    if contradicted := run.behaviour.of(kind, "contradicted"):
        return failed(contradicted[0].reason)
    kept = run.behaviour.of(kind, "kept")
    if not kept:
        return not_applicable(nothing)
    others = f", and {len(kept) - 1} more" if len(kept) > 1 else ""
    return passed(f"{kept[0].reason}{others}")


def answers_plausible_calls(run: Run) -> Finding:
    """Check that the code gives a value where the request suggests a call."""
    returned = run.behaviour.of("call", "returned")
    others = run.behaviour.of("call", "raised", "gave_none")
    if not returned and not others:
        return not_applicable("no plausible call was made")
    if len(returned) >= len(others):
        return passed(returned[0].reason)
    return failed(others[0].reason)


def does_its_work(run: Run) -> Grade:
    """Grade whether the code does what was asked for, as far as running it shows."""
    behaviour = run.behaviour
    if run.execution.status in ("unavailable", "inconclusive"):
        return Grade(NOTHING_SEEN_GRADE, "it wasn't run, so nothing shows that it works")
    if not run.execution.loaded:
        return Grade(0, "it can't even be loaded")
    outcomes = {one.outcome for one in behaviour.observations}
    if "contradicted" in outcomes:
        return Grade(0, "it does something else")
    if "kept" in outcomes:
        return Grade(VALUES_RIGHT_GRADE, "it gives the values that are known to be right")
    return _grade_calls(behaviour)


def _grade_calls(behaviour: Behaviour) -> Grade:
    returned = len(behaviour.of("call", "returned"))
    faults = len(behaviour.of("call", "raised", "gave_none"))
    made = returned + faults + len(behaviour.of("call", "inconclusive"))
    if not made:
        return Grade(NOTHING_SEEN_GRADE, "it loads, and nothing more is known of it")
    least = NO_CALL_RETURNED_GRADE if faults else ONLY_DOUBT_GRADE
    grade = least + (EVERY_CALL_RETURNED_GRADE - least) * returned / made
    every = "it gives values" if returned == made else "it gives no value for some plausible calls"
    return Grade(grade, every)


BEHAVIOUR_CHECKS: dict[str, Callable[[Any], Finding]] = {
    check.__name__: check
    for check in (loads, keeps_the_examples, passes_the_checks, answers_plausible_calls)
}
BEHAVIOUR_CRITERIA: dict[str, Callable[[Any], Grade]] = {does_its_work.__name__: does_its_work}


def find_in_run(run: Run | None) -> dict[str, Finding]:
    """Return each behaviour rule's finding; without a run none applies."""
    nothing = not_applicable("there was no program to run")
    return {name: check(run) if run else nothing for name, check in BEHAVIOUR_CHECKS.items()}


def grade_run(run: Run | None) -> dict[str, Grade]:
    """Return each behaviour criterion's grade; there is none without a run."""
    return {name: grade(run) for name, grade in BEHAVIOUR_CRITERIA.items() if run}
