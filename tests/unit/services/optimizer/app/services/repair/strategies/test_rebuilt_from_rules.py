"""A prompt made of the task type's own rules."""

from collections.abc import Awaitable, Callable

import pytest

from services.common.task_types import open_task_types
from services.optimizer.app.services.repair.candidate_lint import LintContext, find_lint
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext
from services.optimizer.app.services.repair.strategies.rebuilt_from_rules import rebuilt_from_rules

MakeContext = Callable[..., RepairContext]
Propose = Callable[..., Awaitable[list[Candidate]]]


async def test_a_prompt_is_rebuilt_from_the_role_and_all_sentences(
    make_context: MakeContext, propose: Propose
) -> None:
    [candidate] = await propose(rebuilt_from_rules, make_context())
    assert candidate.content == "You write code.\n- Obey r.\n- Obey s."


@pytest.mark.parametrize("task_type", ["code_generation", "json_extraction", "letters"])
async def test_what_the_repairs_of_a_task_type_say_passes_the_lint(
    make_context: MakeContext, propose: Propose, task_type: str
) -> None:
    context = make_context(repairs=open_task_types(None).repairs(task_type))
    [candidate] = await propose(rebuilt_from_rules, context)
    assert find_lint(candidate.content, LintContext("Be rude.", longest_served_bytes=8)) == ""
