"""Rules and a criterion about what an answer's code did when it was run. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.common.task_types.rules import Finding, Grade, failed, not_applicable, passed
from services.evaluator.app.sandbox.run.execution import Execution
from services.evaluator.app.services.behaviour.assessment import Behaviour

# What a run shows is worth this much: an example that the request itself gives says most.
EXAMPLES_KEPT_GRADE = 1.0
EVERY_CALL_RETURNED_GRADE = 0.65
NOTHING_SEEN_GRADE = 0.6
# Calls that raised where their arguments may have been of the wrong kind.
ONLY_DOUBT_GRADE = 0.45
NO_CALL_RETURNED_GRADE = 0.1


@dataclass(frozen=True, slots=True)
class Run:
    """A run of an answer's code: what became of it, and what that says of the answer."""

    execution: Execution
    behaviour: Behaviour

    @property
    def obstacle(self) -> str:
        """What kept the code from being seen at work; empty where it was seen.

        One example that couldn't be tried is enough: code that does well where it is seen
        might hide behind the sandbox where it isn't. A request without examples says nothing
        that a call could be held against, so that a call may stay open.
        """
        if self.execution.status == "inconclusive":
            return self.execution.reason
        hindered = [
            one for one in self.behaviour.observations if one.is_hindered and one.kind == "example"
        ]
        return hindered[0].reason if hindered else ""


def loads(run: Run) -> Finding:
    """The code can be loaded: it raises nothing by itself, and comes to an end."""
    execution = run.execution
    if execution.status == "unavailable":
        return not_applicable("no code is run on this machine")
    if execution.status == "inconclusive":
        return not_applicable(f"loading it can't be judged here: {execution.reason}")
    if execution.loaded:
        return passed("the code loads")
    return failed(f"the code doesn't load: {execution.reason}")


def keeps_the_examples(run: Run) -> Finding:
    """Called as the request shows, the code gives what the request shows."""
    contradicted = run.behaviour.examples_contradicted
    if contradicted:
        return failed(contradicted[0].reason)
    kept = run.behaviour.examples_kept
    if not kept:
        return not_applicable("no example of the request was run")
    others = f", and {len(kept) - 1} more" if len(kept) > 1 else ""
    return passed(f"{kept[0].reason}{others}")


def answers_plausible_calls(run: Run) -> Finding:
    """Called in a way that the request suggests, the code gives a value."""
    returned, others = run.behaviour.calls_returned, run.behaviour.calls_failed
    if not returned and not others:
        return not_applicable("no plausible call was made")
    if len(returned) >= len(others):
        return passed(returned[0].reason)
    return failed(others[0].reason)


def does_its_work(run: Run) -> Grade:
    """Does it do what was asked for, as far as running it shows?"""
    behaviour = run.behaviour
    if run.execution.status in ("unavailable", "inconclusive"):
        return Grade(NOTHING_SEEN_GRADE, "it wasn't run, so nothing shows that it works")
    if not run.execution.loaded:
        return Grade(0, "it can't even be loaded")
    if behaviour.examples_contradicted:
        return Grade(0, "it does something else")
    if behaviour.examples_kept:
        return Grade(EXAMPLES_KEPT_GRADE, "it does what the request shows")
    return _grade_calls(behaviour)


def _grade_calls(behaviour: Behaviour) -> Grade:
    returned, others = behaviour.calls_returned, behaviour.calls_failed
    if not returned and not others:
        if any(one.kind == "call" and not one.is_edge for one in behaviour.observations):
            return Grade(ONLY_DOUBT_GRADE, "it takes none of the arguments that seem plausible")
        return Grade(NOTHING_SEEN_GRADE, "it loads, and nothing more is known of it")
    share = len(returned) / (len(returned) + len(others))
    span = EVERY_CALL_RETURNED_GRADE - NO_CALL_RETURNED_GRADE
    reason = "it gives values" if share == 1 else "it gives no value for some plausible calls"
    return Grade(NO_CALL_RETURNED_GRADE + span * share, reason)


BEHAVIOUR_CHECKS: dict[str, Callable[[Any], Finding]] = {
    check.__name__: check for check in (loads, keeps_the_examples, answers_plausible_calls)
}
BEHAVIOUR_CRITERIA: dict[str, Callable[[Any], Grade]] = {does_its_work.__name__: does_its_work}


def find_in_run(run: Run | None) -> dict[str, Finding]:
    """What each rule about behaviour found; nothing applies where there was no run."""
    if run is None:
        nothing = not_applicable("there was no program to run")
        return dict.fromkeys(BEHAVIOUR_CHECKS, nothing)
    return {name: check(run) for name, check in BEHAVIOUR_CHECKS.items()}


def grade_run(run: Run | None) -> dict[str, Grade]:
    """The grade of each criterion about behaviour; none where there was no run."""
    if run is None:
        return {}
    return {name: grade(run) for name, grade in BEHAVIOUR_CRITERIA.items()}
