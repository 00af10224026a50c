"""Plans what a program is run with: the inputs and arguments that its request shows."""

import ast

from services.evaluator.app.sandbox.run.request import ProgramRun
from services.evaluator.app.services.behaviour.probe import MAX_STEPS, Probe, ProbePlan
from services.evaluator.app.services.code.console import has_prompts, reads_arguments, reads_input
from services.evaluator.app.services.examples.program_runs import ProgramExample
from services.evaluator.app.services.request import RequestFacts

UNTRIED = "the request shows nothing that the program can be run with and what it then prints"


def plan_program(tree: ast.Module, request: RequestFacts) -> ProbePlan:
    """Plan a program's runs; one that can't be tried is run once, and nothing is made of it."""
    fitting = [one for one in request.runs if _fits(one, tree)][:MAX_STEPS]
    if not fitting:
        return ProbePlan((ProgramRun(),), untried=UNTRIED)
    probes = tuple(
        Probe(
            "example",
            _describe(one.run),
            place,
            place,
            expected=one.output,
            quoted=one.quoted,
            is_output=True,
            may_ask=has_prompts(tree),
        )
        for place, one in enumerate(fitting)
    )
    return ProbePlan(tuple(one.run for one in fitting), probes, target="the program")


def _fits(example: ProgramExample, tree: ast.Module) -> bool:
    """Whether a run gives a program all that it reads, in the way in which it reads it."""
    if reads_input(tree):
        return example.has_input
    return bool(example.run.argv) or not reads_arguments(tree)


def _describe(run: ProgramRun) -> str:
    arguments = f" {' '.join(run.argv)}" if run.argv else ""
    given = f" with the input {run.stdin.rstrip()!r}" if run.stdin else ""
    return f"the program{arguments}{given}"
