"""What is wrong with a task type: everything that would only show once it serves."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from selfheal.task_types.scaffold import PLACEHOLDER
from services.common.chat.messages import read_answer_text
from services.common.proof.betting import FIRST_ALPHA, MAX_PROVING, wins_needed
from services.common.schemas import Conversation
from services.common.task_types import GoldenInputs, TaskType, TaskTypeError
from services.common.task_types.reading import GOLDEN_INPUTS_FILE, REPAIRS_FILE, VALIDATORS_FILE
from services.common.task_types.rules import AnsweredTask, Finding, Grade
from services.common.task_types.tool_calls import read_expected_calls, write_message
from services.evaluator.app.services.behaviour.rules import passes_the_checks
from services.evaluator.app.services.evidence import gather_evidence
from services.evaluator.app.services.rule_sets import criteria_for, rules_for

GOLDEN_INPUTS_A_HALF = 24
CHECKING_RULE = passes_the_checks.__name__
OUTCOMES = ("passed", "failed", "not_applicable")
# Answers that a model may give to anything.
HARD_ANSWERS = (
    "",
    "Hello World",
    "\x00\ud800",
    "[" * 100_000,
    "죄송합니다. " * 2_000,
    "```\n" * 999,
)
HARD_MESSAGE = {
    "content": None,
    "tool_calls": [
        {"function": {"name": "no_such_tool", "arguments": "{"}},
        {"function": {"name": "", "arguments": '{"a": [{"b": null}, 1e300, "\\ud800"]}'}},
    ],
}
# What is said where no call is expected.
NO_CALL = "Which one do you mean?"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that has to be corrected, and the file it is in."""

    file: Path
    message: str


@dataclass(frozen=True, slots=True)
class Attempts:
    """How many attempts the golden inputs are good for, where no fresh live inputs come.

    A text is tried on each input once in an incident, which lasts until a person deploys a prompt.

    Attributes:
        least: Attempts for one text that use as many inputs as a heal may.
        most: Attempts for one text that stop at a first look.
    """

    least: int
    most: int


def count_attempts(golden: GoldenInputs) -> Attempts:
    """Count the heals for which the golden inputs of the verdict half prove a text."""
    inputs = len(golden.verdict)
    fewest = wins_needed(alpha=FIRST_ALPHA)
    most = inputs // fewest
    return Attempts(min(most, max(1, inputs // MAX_PROVING)), most)


def find_problems(task_type: TaskType) -> list[Problem]:
    """List everything that is wrong with a task type whose directory can be read."""
    return [
        *_problems_of_names(task_type),
        *_problems_of_golden_inputs(task_type),
        *_problems_of_repairs(task_type),
        *_problems_of_functions(task_type),
    ]


def _problems_of_names(task_type: TaskType) -> Iterator[Problem]:
    for resolve in (rules_for, criteria_for):
        try:
            resolve(task_type)
        except TaskTypeError as error:
            yield Problem(error.path, f"{error.problem}. {error.remedy}")


def _problems_of_golden_inputs(task_type: TaskType) -> Iterator[Problem]:
    path = task_type.directory / GOLDEN_INPUTS_FILE
    golden = task_type.golden_inputs
    for half, inputs in (("choosing", golden.choosing), ("verdict", golden.verdict)):
        if len(inputs) < GOLDEN_INPUTS_A_HALF:
            yield Problem(
                path,
                f"{half!r} needs {GOLDEN_INPUTS_A_HALF} golden inputs to prove a repair on, and "
                f"has {len(inputs)}",
            )
        left = sum(text.startswith(PLACEHOLDER) for text in inputs)
        if left:
            yield Problem(path, f"{half!r} still has {left} of the scaffold's own inputs")

    if golden.checks and CHECKING_RULE not in task_type.rule_weights:
        yield Problem(
            path,
            'checks of golden inputs count only with answers = "code" and a weight for '
            f"{CHECKING_RULE!r}",
        )


def _problems_of_repairs(task_type: TaskType) -> Iterator[Problem]:
    path = task_type.directory / REPAIRS_FILE
    for name in task_type.rule_weights:
        if name not in task_type.repairs.by_rule:
            yield Problem(path, f"there is no sentence for the rule {name!r}")
    for name in task_type.repairs.by_rule:
        if name not in task_type.rule_weights:
            yield Problem(path, f"there is a sentence for {name!r}, which is no rule")


def _problems_of_functions(task_type: TaskType) -> Iterator[Problem]:
    """Run its own rules and criteria on right answers and on hard ones."""
    path = task_type.directory / VALIDATORS_FILE
    golden = task_type.golden_inputs
    request = next(iter((*golden.choosing, *golden.verdict)), "A request")
    gather = partial(gather_evidence, task_type=task_type.name, is_code=False)
    tasks: list[AnsweredTask] = [
        gather(user_input=request, answer=answer, conversation=conversation)
        for answer in HARD_ANSWERS
        for conversation in (None, write_conversation(golden, request, HARD_MESSAGE))
    ]
    for name, rule in task_type.rules.items():
        yield from (Problem(path, wrong) for wrong in _try(name, rule, tasks, _is_finding))
        for user_input, expected in golden.expected.items():
            answer, conversation = write_right_answer(golden, user_input)
            try:
                finding = rule(
                    gather(
                        user_input=user_input,
                        answer=answer,
                        expected=expected,
                        conversation=conversation,
                    )
                )
            except Exception as error:  # noqa: BLE001 - the rule is its author's
                yield Problem(path, f"{name} raised {type(error).__name__} on an expected answer")
                break
            if _is_finding(finding) and finding.outcome == "failed":
                yield Problem(
                    path,
                    f"{name} fails the expected answer to {user_input[:60]!r}: {finding.reason}",
                )
    for name, criterion in task_type.criteria.items():
        yield from (Problem(path, wrong) for wrong in _try(name, criterion, tasks, _is_grade))


def write_right_answer(golden: GoldenInputs, user_input: str) -> tuple[str, Conversation | None]:
    """Write an expected answer as a model would, with the conversation that it ends, if any.

    Calls are written as calls where tools are offered, text as it is, all else as JSON.
    """
    expected = golden.expected[user_input]
    asked = golden.conversations.get(user_input)
    calls = read_expected_calls(expected) if asked and asked.tools else None
    if calls is None:
        as_json = partial(json.dumps, ensure_ascii=False)
        message = {"content": expected if isinstance(expected, str) else as_json(expected)}
    else:
        message = write_message(calls.calls) if calls.calls else {"content": NO_CALL}
    answer = read_answer_text(message)
    return answer, write_conversation(golden, user_input, message) if asked else None


def write_conversation(
    golden: GoldenInputs, user_input: str, message: dict[str, Any]
) -> Conversation:
    """Write the conversation that a message would end."""
    asked = golden.conversations.get(user_input)
    return Conversation(
        messages=list(asked.messages if asked else [{"role": "user", "content": user_input}]),
        tools=list(asked.tools if asked else ()),
        answer=message,
        finish_reason="tool_calls" if message.get("tool_calls") else "stop",
    )


def _try(
    name: str,
    function: Callable[[Any], object],
    tasks: list[AnsweredTask],
    is_right: Callable[[object], bool],
) -> Iterator[str]:
    """Return the first problem of a function, which is enough to correct it."""
    for task in tasks:
        shown = repr(task.answer[:20])
        try:
            result = function(task)
        except Exception as error:  # noqa: BLE001 - the function is its author's
            yield f"{name} raised {type(error).__name__} on the answer {shown}: {error}"
            return
        if not is_right(result):
            yield f"{name} gave {result!r} for the answer {shown}; see rules.py for what to give"
            return


def _is_finding(result: object) -> bool:
    return isinstance(result, Finding) and result.outcome in OUTCOMES


def _is_grade(result: object) -> bool:
    return isinstance(result, Grade) and 0 <= result.value <= 1
