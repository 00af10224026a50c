"""A run's steps as they are asked for, how large they may be, and a sandbox's self-test."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from services.evaluator.app.sandbox.run.execution import Execution
from services.evaluator.app.sandbox.run.limits import MAX_SOURCE_BYTES, MAX_STEP_BYTES, MAX_STEPS
from services.evaluator.app.sandbox.run.records import NOT_FINISHED


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """A step that runs the source as a program: by itself, as `__main__`.

    Its value is the text that the program printed. An exit with another status than 0 is an
    exception that it raised.

    Attributes:
        stdin: What it finds on its standard input.
        argv: Its arguments, without its name.
    """

    stdin: str = ""
    argv: tuple[str, ...] = ()


# A string is the source of one expression or statement.
Step: TypeAlias = str | ProgramRun


# A program and a step, to see whether a sandbox works.
SELF_TEST = ("def double(number):\n    return number * 2\n", ("double(21)",))


def problem_of_self_test(execution: Execution) -> str:
    """Say what was wrong with the self-test's execution; empty where nothing was."""
    if execution.status == "finished" and execution.steps[0].value == 42:  # noqa: PLR2004
        return ""
    return execution.reason or "the self-test gave a wrong value"


def refuse_unread(source: str, steps: Sequence[Step]) -> Execution | None:
    """Refuse a request that is too large, before anything reads it; None where it isn't."""
    nothing_done = (NOT_FINISHED,) * len(steps)
    if _size(source) > MAX_SOURCE_BYTES:
        reason = f"the code is over {MAX_SOURCE_BYTES // 1024} KB"
        return Execution("load_failed", loaded=False, reason=reason, steps=nothing_done)
    if len(steps) > MAX_STEPS or sum(map(_step_size, steps)) > MAX_STEP_BYTES:
        reason = f"there are over {MAX_STEPS} steps, or over {MAX_STEP_BYTES // 1024} KB of them"
        return Execution("inconclusive", loaded=False, reason=reason, steps=nothing_done)
    return None


def plain_steps(steps: Sequence[Step]) -> list[Any]:
    """Return the steps as JSON knows them: a string, or a list of input and arguments."""
    return [step if isinstance(step, str) else [step.stdin, list(step.argv)] for step in steps]


def _step_size(step: Step) -> int:
    if isinstance(step, str):
        return _size(step)
    return _size(step.stdin) + sum(_size(argument) + 1 for argument in step.argv)


def _size(text: str) -> int:
    """Count bytes of UTF-8; for a text that is too long anyway, characters will do."""
    return len(text) if len(text) > MAX_SOURCE_BYTES else len(text.encode(errors="surrogatepass"))
