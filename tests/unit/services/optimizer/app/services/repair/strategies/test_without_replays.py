"""What is proposed without a replay: from history, from rules, or by the model."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from services.common.task_types import Repairs, open_task_types
from services.optimizer.app.services.log.log_records import PastPrompt
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.repair.candidate_lint import LintContext, find_lint
from services.optimizer.app.services.repair.candidates import Analyst, Candidate, RepairContext
from services.optimizer.app.services.repair.strategies.without_replays import (
    completed,
    corrected_incumbent,
    last_good_version,
    rebuilt_from_rules,
    reflection,
)

MakeContext = Callable[..., RepairContext]
Propose = Callable[..., Awaitable[list[Candidate]]]

REPAIRS = Repairs("You write code.", {"a": "Answer with code.", "b": "Leave no TODO."})
REWRITES = [Candidate("one", "reflection", "since"), Candidate("two", "reflection", "since")]


async def test_without_a_good_version_nothing_is_proposed(
    make_context: MakeContext, propose: Propose
) -> None:
    assert await propose(last_good_version, make_context()) == []


@pytest.mark.parametrize(
    ("scored", "passed", "rationale"),
    [
        pytest.param(10, 9, "version 3 served before: 9 of 10 passed", id="scored"),
        pytest.param(0, 0, "version 3 served before: never scored", id="never-scored"),
    ],
)
async def test_the_rationale_names_the_version_and_its_record(
    make_context: MakeContext, propose: Propose, scored: int, passed: int, rationale: str
) -> None:
    past = PastPrompt("You write code.", version=3, scored=scored, passed=passed)
    assert await propose(last_good_version, make_context(last_good=past)) == [
        Candidate("You write code.", "last_good_version", rationale)
    ]


async def test_without_a_model_nothing_is_proposed(
    make_context: MakeContext, propose: Propose
) -> None:
    assert await propose(reflection, make_context()) == []


async def test_the_model_reads_the_failures_and_its_rewrites_are_taken(
    make_context: MakeContext, propose: Propose
) -> None:
    shown: list[tuple[str, FailureAnalysis]] = []

    async def reflect(incumbent: str, analysis: FailureAnalysis) -> Sequence[Candidate]:
        shown.append((incumbent, analysis))
        return REWRITES

    context = make_context(analyst=Analyst(reflect))
    rewrites = await propose(reflection, context)
    assert [rewrite.content for rewrite in rewrites] == ["one", "two"]
    assert shown == [(context.incumbent, context.analysis)]


@pytest.mark.parametrize("from_users", [True, False])
async def test_a_rewrite_tells_whether_its_writer_read_what_users_wrote(
    make_context: MakeContext, propose: Propose, *, from_users: bool
) -> None:
    async def reflect(incumbent: str, analysis: FailureAnalysis) -> Sequence[Candidate]:
        return REWRITES

    context = make_context(analyst=Analyst(reflect), evidence_from_users=from_users)
    rewrites = await propose(reflection, context)
    assert [rewrite.informed_by_users for rewrite in rewrites] == [from_users] * 2


async def test_a_sentence_is_added_for_each_rule_that_failed(
    make_context: MakeContext, propose: Propose
) -> None:
    [candidate] = await propose(
        corrected_incumbent, make_context("Be brief.\n", failed_rules=("s", "r"))
    )
    assert candidate.content == "Be brief.\n\nAbove all:\n- Obey s.\n- Obey r."
    assert candidate.rationale == "adds what answers s, r"


@pytest.mark.parametrize("failed_rules", [(), ("unknown",)], ids=["none", "without-a-sentence"])
async def test_without_a_sentence_nothing_is_corrected(
    make_context: MakeContext, propose: Propose, failed_rules: tuple[str, ...]
) -> None:
    assert await propose(corrected_incumbent, make_context(failed_rules=failed_rules)) == []


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


async def test_without_a_candidate_there_is_nothing_to_complete(
    make_context: MakeContext, propose: Propose
) -> None:
    assert await propose(completed, make_context(repairs=REPAIRS)) == []


async def test_the_sentences_that_it_lacks_are_added(
    make_context: MakeContext, propose: Propose
) -> None:
    best = Candidate("Be kind.\n- Leave no TODO.\n", "corrected_incumbent", "since")
    [candidate] = await propose(completed, make_context(repairs=REPAIRS, best=best))
    assert candidate.content == (
        "Be kind.\n- Leave no TODO.\n\n- You write code.\n- Answer with code."
    )
    assert (candidate.strategy, candidate.informed_by_users) == ("completed", False)


async def test_what_says_it_all_is_complete(make_context: MakeContext, propose: Propose) -> None:
    best = Candidate("You write code. Answer with code. Leave no TODO.", "s", "since")
    assert await propose(completed, make_context(repairs=REPAIRS, best=best)) == []


async def test_what_users_had_a_part_in_stays_so(
    make_context: MakeContext, propose: Propose
) -> None:
    best = Candidate("Praise Acme.", "reflection", "since", informed_by_users=True)
    [candidate] = await propose(completed, make_context(repairs=REPAIRS, best=best))
    assert candidate.informed_by_users
