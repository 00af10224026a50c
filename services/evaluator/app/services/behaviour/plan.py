"""Plans what to run of an answer: examples of its request, checks, or plausible calls."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from services.common.task_types.checks import Check, count_readings
from services.evaluator.app.sandbox.run.request import ProgramRun, Step
from services.evaluator.app.services.behaviour.check_binding import await_calls, bind_check
from services.evaluator.app.services.behaviour.objects import LEETCODE_CLASSES, takes_objects
from services.evaluator.app.services.behaviour.plausible_calls import plan_calls
from services.evaluator.app.services.behaviour.prelude import (
    find_prelude,
    names_defined,
    with_standard_values,
)
from services.evaluator.app.services.behaviour.probe import MAX_STEPS, Probe, ProbePlan
from services.evaluator.app.services.behaviour.returning import changes_its_argument, may_give_none
from services.evaluator.app.services.behaviour.target import (
    Target,
    depends_on_state,
    describe,
    find_method,
    find_target,
    method_of,
)
from services.evaluator.app.services.code.console import has_prompts, reads_arguments, reads_input
from services.evaluator.app.services.code.syntax import Definition, names_bound, names_missing
from services.evaluator.app.services.comparison import Comparison
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.examples.finding import Example
from services.evaluator.app.services.examples.literals import parse_expression
from services.evaluator.app.services.request import LEETCODE_CLASS

UNTRIED = "the request shows nothing that the program can be run with and what it then prints"
MATCHERS = frozenset({"match", "search", "fullmatch"})
# Who asks for one of these gets what iterates; else a list is a list.
SPEAKS_OF_ITERABLES = re.compile(
    r"\b(?:yield|generat(?:or|es?\b.{0,40}\blazily)|iterator|iterable|lazy|lazily|stream|deque"
    r"|range objects?|range\(|(?:dict|keys?|values?|items?) views?)|제너레이터|이터레이터|반복자",
    re.I,
)
SPEAKS_OF_ARRAYS = re.compile(r"\b(?:nd)?arrays?\b|\bnumpy\b|\bpandas\b|\bseries\b|배열", re.I)


@dataclass(slots=True)
class _Plan:
    """The steps planned so far; an example may need the state that the one before it left."""

    steps: list[Step] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    session: tuple[str, ...] = ()

    def add(self, probe: Probe, steps: Sequence[Step]) -> bool:
        """Take a probe's steps if there is room for all of them."""
        first = len(self.steps)
        if not steps or first + len(steps) > MAX_STEPS:
            return False
        self.steps += steps
        self.probes.append(replace(probe, first=first, last=len(self.steps) - 1))
        return True


def plan_probes(evidence: Evidence, checks: Sequence[Check] = ()) -> ProbePlan:
    """Plan what to run of an answer, and what for; pure, and nothing is run.

    Examples come first, then the checks. Calls that are only plausible are made where there is
    neither.
    """
    if evidence.tree is not None and evidence.is_program and not checks:
        return _plan_program(evidence, evidence.tree)
    target = find_target(evidence)
    if evidence.tree is None or target is None:
        return ProbePlan(is_golden=bool(checks))
    plan = _Plan()
    for example in evidence.request.examples:
        _add_example(plan, example, evidence, target, is_golden=bool(checks))
    _add_checks(plan, checks, target)
    if not plan.probes:
        for steps in plan_calls(target, evidence.user_input):
            plan.add(Probe("call", steps[-1]), steps)
    return ProbePlan(
        tuple(plan.steps),
        tuple(plan.probes),
        prelude=find_prelude(evidence, [step for step in plan.steps if isinstance(step, str)]),
        may_give_none=may_give_none(target.function, evidence.user_input),
        is_golden=bool(checks),
    )


def _plan_program(evidence: Evidence, tree: ast.Module) -> ProbePlan:
    """Plan a program's runs; one that can't be tried is run once, and nothing is made of it."""
    plan, may_ask = _Plan(), has_prompts(tree)
    for one in evidence.request.runs:
        # Whether the run gives the program all that it reads, in the way in which it reads it.
        has_arguments = bool(one.run.argv) or not reads_arguments(tree)
        if one.has_input if reads_input(tree) else has_arguments:
            ran = " ".join(("the program", *one.run.argv))
            ran += f" with the input {one.run.stdin.rstrip()!r}" if one.run.stdin else ""
            expected = one.output
            probe = Probe("example", ran, expected=expected, is_output=True, may_ask=may_ask)
            plan.add(probe, [one.run])
    prelude = find_prelude(evidence, ())
    if not plan.probes:
        return ProbePlan((ProgramRun(),), untried=UNTRIED, prelude=prelude)
    return ProbePlan(tuple(plan.steps), tuple(plan.probes), prelude=prelude)


def _add_example(
    plan: _Plan, example: Example, evidence: Evidence, target: Target, *, is_golden: bool
) -> None:
    fitted = _fit(example, evidence, target)
    if fitted is None:
        return
    is_of_target = fitted.function in (target.call, target.definition.name)
    if is_of_target and _is_of_literals(fitted.expression) and takes_objects(target, evidence):
        return
    is_in_place = changes_its_argument(evidence.user_input)
    expression = _plain(fitted, target, is_in_place=is_in_place)
    own = names_defined(evidence, fitted.setup) | {example.function, evidence.request.name}
    steps = [with_standard_values(step, own) for step in (*fitted.setup, expression)]
    if (
        {name for step in steps for name in names_missing(step)}
        - own
        - _names_there(evidence, fitted)
    ):
        return
    # A session goes on: what the last example ran needn't be run again, nor may it be.
    done = len(plan.session)
    if done and fitted.setup[:done] == plan.session:
        steps = steps[done:]
    probe = Probe(
        "example",
        fitted.expression,
        expected=fitted.expected,
        expected_error=fitted.expected_error,
        comparison=Comparison(
            fitted.any_order,
            fitted.loose,
            is_golden or SPEAKS_OF_ITERABLES.search(evidence.user_input) is not None,
            is_golden or SPEAKS_OF_ARRAYS.search(evidence.user_input) is not None,
        ),
        tolerance=fitted.tolerance,
        is_one_of_several=fitted.is_one_of_several,
    )
    if plan.add(probe, steps):
        plan.session = (*fitted.setup, fitted.expression) if fitted.setup else ()


def _add_checks(plan: _Plan, checks: Sequence[Check], target: Target) -> None:
    """Plan all checks once for each reading of the request."""
    for reading in range(count_readings(checks)):
        for number, check in enumerate(checks, 1):
            call = check[reading if len(check) > 1 else 0]
            probe = Probe(
                "check",
                f"check {number} of {len(checks)}",
                expected=call.expected,
                expected_error=call.expected_error,
                comparison=Comparison(any_sequence=True, any_iterable=True, any_array=True),
                reading=reading,
            )
            plan.add(probe, bind_check(call, target))


def _plain(example: Example, target: Target, *, is_in_place: bool) -> str:
    """Write the step of an example so that its value comes back in a form to compare.

    A match of a regular expression says True, and none says False, where the function looks for
    one. What works in place and gives nothing has its value in its first argument.
    """
    expression = await_calls(example.expression, target)
    if is_in_place and example.expected is not None and "await " not in expression:
        call = parse_expression(expression)
        if not isinstance(call, ast.Call) or not (call.args or call.keywords):
            return expression
        first = "[*given, *named.values()][0]"
        called = f"{ast.unparse(call.func)}(*given, **named)"
        given = ", ".join(map(ast.unparse, (*call.args, *call.keywords)))
        plain = f"(lambda value: {first} if value is None else value)({called})"
        return f"(lambda *given, **named: {plain})({given})"
    looked_for = {getattr(node, "attr", "") for node in ast.walk(target.definition)}
    if not isinstance(example.expected, bool) or MATCHERS.isdisjoint(looked_for):
        return expression
    plain = "bool(value) if value is None or type(value).__name__ == 'Match' else value"
    return f"(lambda value: {plain})({expression})"


def _names_there(evidence: Evidence, fitted: Example) -> set[str]:
    """Names that are there when an example runs, or that it is the answer's fault to lack."""
    code = (*evidence.request.code, *(evidence.tree.body if evidence.tree else ()))
    return names_bound(*code) | {*LEETCODE_CLASSES, fitted.function.partition("(")[0]}


def _is_of_literals(source: str) -> bool:
    """Whether a call is given nothing but literals."""
    call = parse_expression(source)
    given = [*call.args, *call.keywords] if isinstance(call, ast.Call) else []
    return not any(isinstance(node, ast.Call) for one in given for node in ast.walk(one))


def _fit(example: Example, evidence: Evidence, target: Target) -> Example | None:
    """The example with the call that this answer needs; None where it doesn't apply to it."""
    if not example.function:
        return _fit_nameless(example, evidence, target)
    defined = names_bound(evidence.tree) if evidence.tree else set()
    if example.function in defined:
        return example
    for owner in evidence.definitions:
        if not (isinstance(owner, ast.ClassDef) and method_of(owner, example.function)):
            continue
        is_asked_for = evidence.request.wants_class and owner.name != LEETCODE_CLASS
        if is_asked_for and not example.setup and depends_on_state(owner, example.function):
            return None  # which object is meant, and what it has been through, isn't shown
        if describe(owner).takes(0):
            return _renamed(example, f"{owner.name}().{example.function}")
    wanted = evidence.request.name
    callee = target.call if target.definition.name == wanted else wanted
    shown = {node.name for node in evidence.request.code if isinstance(node, Definition)}
    is_other = wanted not in ("", example.function) and example.function not in shown
    if is_other and (wanted in defined or callee != wanted):
        # The request calls it by two names. Where it shows the right one, the other is another.
        is_shown = any(other.function == wanted for other in evidence.request.examples)
        return None if is_shown else _renamed(example, callee)
    return example


def _fit_nameless(example: Example, evidence: Evidence, target: Target) -> Example | None:
    """Arguments in the request's order; by name where the answer has the same names."""
    call = parse_expression(f"f({example.expression})")
    if isinstance(target.definition, ast.ClassDef):
        method = find_method(target.definition, evidence)
        return _fit_nameless(example, evidence, method) if method else None
    if not isinstance(call, ast.Call) or not target.takes(len(call.args)):
        return None
    parameters = [parameter.arg for parameter in target.parameters]
    source = example.expression
    if sorted(example.names) == sorted(parameters) and len(parameters) == len(call.args):
        source = ", ".join(
            f"{name}={ast.unparse(argument)}"
            for name, argument in zip(example.names, call.args, strict=True)
        )
    return replace(example, function=target.call, expression=f"{target.call}({source})")


def _renamed(example: Example, name: str) -> Example | None:
    """The example with another function in its place; None where it takes more than that."""
    node = parse_expression(example.expression)
    replacement = parse_expression(name)
    if node is None or replacement is None or example.setup:
        return None
    for inner in ast.walk(node):
        match inner:
            case ast.Call(func=ast.Name(id=called)) if called == example.function:
                inner.func = replacement
    return replace(example, function=name, expression=ast.unparse(node))
