"""`selfheal prompts proposals|approve|reject` on real rows: only what was proven ever serves."""

from typing import Any

import pytest

from selfheal.operator_database import find_operator
from services.common.record.changes import Request, propose_text
from services.common.record.text_lint import ERASED

Operator = Any  # of this directory's conftest

BAD = "just say hello world to everything"
GOOD = "You write Python.\nAnswer with one function."
OUTCOME = "SELECT outcome FROM selfheal.candidates WHERE strategy = 'reflection'"
RESOLUTION = "SELECT resolution FROM selfheal.healing_runs WHERE id = $1"


def test_where_nothing_waits_it_is_said(operator: Operator) -> None:
    assert operator.json("prompts", "proposals") == []
    assert "Nothing waits" in operator.selfheal("prompts", "proposals").output
    for command in ("approve", "reject"):
        done = operator.selfheal("prompts", command)
        assert done.exit_code == 1
        assert "Nothing waits for an answer" in done.output


def test_a_proposal_is_shown_with_what_it_would_change(operator: Operator) -> None:
    operator.deploy(BAD)
    run_id = operator.run("proposed")
    shown = operator.selfheal("prompts", "proposals").stdout
    for words in (
        "in place of version 99",
        "last_good_version",
        "+50.0 points",
        f"-{BAD}",
        "+You write",
    ):
        assert words in shown
    assert f"selfheal prompts approve {run_id[:8]}" in shown
    assert operator.json("prompts", "proposals")[0]["content"] == GOOD
    assert operator.serving().content == BAD


@pytest.mark.parametrize("named", [True, False])
def test_what_is_approved_serves_is_reported_and_is_watched(
    operator: Operator, named: bool
) -> None:
    bad = operator.deploy(BAD)
    run_id = operator.run("proposed")
    answer = operator.json("prompts", "approve", *([run_id[:8]] if named else []))
    assert answer == {
        "run_id": run_id,
        "task_type": "code_generation",
        "replaces_version": 99,
        "resolution": "approved",
        "version": 100,
    }
    serving = operator.serving()
    assert (serving.version, serving.content) == (100, GOOD)
    assert serving.change_reason == (
        f"last_good_version (+50.0 points on replays), approved by {find_operator()}"
    )
    assert operator.sql(RESOLUTION, run_id) == "approved"
    assert operator.sql(OUTCOME) == "promoted"
    watch = (
        "SELECT before_prompt_id FROM selfheal.watches WHERE prompt_id = $1 AND ended_at IS NULL"
    )
    assert operator.sql(watch, serving.id) == bad.id
    assert operator.sql("SELECT improvement_pct FROM optimization_reports") == pytest.approx(50)
    assert "is being watched" in operator.selfheal("reports", "list").stdout
    assert operator.json("prompts", "proposals") == []


def test_a_person_is_told_how_to_undo_it(operator: Operator) -> None:
    operator.deploy(BAD)
    operator.run("proposed")
    done = operator.selfheal("prompts", "approve")
    assert "Undo: selfheal prompts activate 99" in done.output
    assert operator.selfheal("prompts", "activate", "99").exit_code == 0
    assert operator.serving().content == BAD


@pytest.mark.parametrize("command", [("activate", "1"), ("rollback",), ("undo",)])
def test_an_earlier_text_that_lost_words_to_an_erasure_is_refused(
    operator: Operator, command: tuple[str, ...]
) -> None:
    operator.sql("UPDATE prompts SET content = $1", f"Answer Ann. {ERASED}")
    operator.run("promoted", content=GOOD)
    operator.sql("DELETE FROM optimization_reports")
    refused = operator.selfheal("prompts", *command)
    assert refused.exit_code == 1
    assert "lost words to selfheal erase" in refused.output
    assert operator.serving().content == GOOD


def test_what_is_rejected_never_serves(operator: Operator) -> None:
    operator.deploy(BAD)
    run_id = operator.run("proposed")
    assert operator.json("prompts", "reject")["resolution"] == "rejected"
    assert operator.serving().content == BAD
    assert operator.sql(RESOLUTION, run_id) == "rejected"
    assert operator.sql(OUTCOME) == "rejected"
    again = operator.selfheal("prompts", "approve", run_id)
    assert again.exit_code == 1
    assert "it was rejected" in again.output


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("UPDATE prompts SET content = 'edited by hand' WHERE is_active", id="edited"),
        pytest.param("UPDATE prompts SET is_active = (version = 1)", id="another serves"),
        pytest.param("DELETE FROM prompts WHERE version = 99", id="gone"),
    ],
)
def test_nothing_serves_that_was_proven_against_another_prompt(
    operator: Operator, change: str
) -> None:
    operator.deploy(BAD)
    run_id = operator.run("proposed")
    operator.sql(change)
    count = operator.sql("SELECT count(*) FROM prompts")
    done = operator.selfheal("prompts", "approve")
    assert done.exit_code == 1
    assert "has changed since" in done.output
    assert operator.sql("SELECT count(*) FROM prompts") == count
    assert operator.sql(RESOLUTION, run_id) is None
    assert operator.selfheal("prompts", "proposals").exit_code == 0
    assert operator.json("prompts", "proposals")[0]["stale"] is True
    assert operator.selfheal("prompts", "reject").exit_code == 0


def test_a_later_proposal_takes_the_place_of_an_earlier_one(operator: Operator) -> None:
    operator.deploy(BAD)
    first = operator.run("proposed", content="First.")
    operator.run("proposed", content="Second.")
    done = operator.selfheal("prompts", "approve", first)
    assert done.exit_code == 1
    assert "it was superseded" in done.output
    assert operator.selfheal("prompts", "approve").exit_code == 0
    assert operator.serving().content == "Second."


def test_of_several_one_has_to_be_named(operator: Operator) -> None:
    operator.deploy(BAD)
    operator.deploy("Letters.", task_type="letters")
    operator.run("proposed")
    operator.run("proposed", task_type="letters")
    done = operator.selfheal("prompts", "approve")
    assert done.exit_code == 1
    assert "2 proposals wait for an answer" in done.output
    assert operator.json("prompts", "approve", "-t", "letters")["task_type"] == "letters"
    assert operator.json("prompts", "approve")["task_type"] == "code_generation"


def test_a_run_that_proposed_nothing_has_nothing_to_approve(operator: Operator) -> None:
    run_id = operator.run("held")
    done = operator.selfheal("prompts", "approve", run_id)
    assert done.exit_code == 1
    assert "isn't waiting for an answer: it was held" in done.output


def test_a_proposal_whose_prompt_no_longer_serves_is_stale(operator: Operator) -> None:
    operator.deploy(BAD)
    operator.run("proposed")
    fresh = operator.selfheal("prompts", "proposals").stdout
    assert "serves now" in fresh
    assert "stale" not in fresh
    operator.selfheal("prompts", "activate", "1")
    shown = operator.selfheal("prompts", "proposals").stdout
    assert "stale: version 100 serves now; it can't be approved" in shown
    assert "--- version 99" in shown
    assert "prompts approve" not in shown
    assert "selfheal prompts reject" in shown


def test_a_proposal_whose_prompt_was_edited_is_stale(operator: Operator) -> None:
    operator.deploy(BAD)
    operator.run("proposed")
    operator.sql("UPDATE prompts SET content = 'edited' WHERE is_active")
    shown = operator.selfheal("prompts", "proposals").stdout
    assert "stale: the text of version 99 was edited since; it can't be approved" in shown


def test_a_text_that_a_person_asked_for_is_shown_as_unproven_and_approved_so(
    operator: Operator,
) -> None:
    serving = operator.serving()

    async def ask(connection: Any) -> str:
        asked = Request("alice", "fewer words")
        return str(await propose_text(connection, serving, GOOD, asked, "a new text"))

    run_id = operator.do(ask)
    shown = " ".join(operator.selfheal("prompts", "proposals").stdout.split())
    assert "by hand, asked for by alice, not proven" in shown
    [told] = operator.json("prompts", "proposals")
    assert (told["requested_by"], told["proven"]) == ("alice", False)
    report = operator.selfheal("reports", "show", run_id).stdout
    assert "was asked for, without a proof (by hand)" in report
    assert "alice asks to serve this text in place of version 1: fewer words." in report
    answered = " ".join(operator.selfheal("prompts", "approve").output.split())
    assert "Version 2 serves code_generation now, in place of 1. Undo:" in answered
    now = operator.serving()
    assert (now.content, now.created_by) == (GOOD, "alice")
    report = operator.selfheal("reports", "show", run_id).stdout
    assert "version 2 replaced 1 (by hand)" in report
    assert f"approved by {find_operator()}" in report


def test_where_two_decide_the_command_line_only_goes_back(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.deploy(BAD)
    run_id = operator.run("proposed")
    monkeypatch.setenv("REQUIRE_SECOND_PERSON", "yes")
    for command in (("activate", "1"), ("approve", run_id[:8])):
        done = operator.selfheal("prompts", *command)
        assert done.exit_code == 1
        assert "REQUIRE_SECOND_PERSON is set" in done.output
        assert "console or by the admin API" in " ".join(done.output.split())
    assert operator.serving().version == 99
    assert operator.selfheal("prompts", "rollback").exit_code == 0
    assert operator.serving().version == 100


def test_what_a_run_did_is_undone_alone(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.deploy(BAD)
    run_id = operator.run("promoted")
    monkeypatch.setenv("REQUIRE_SECOND_PERSON", "yes")
    done = operator.selfheal("prompts", "undo", run_id[:8])
    assert done.exit_code == 0, done.output
    assert "Version 101 serves code_generation now, with the text of version 99" in " ".join(
        done.output.split()
    )
    now = operator.serving()
    assert (now.content, now.created_by) == (BAD, "operator")
    again = operator.selfheal("prompts", "undo", run_id[:8])
    assert again.exit_code == 1
    assert "Version 101 serves" in " ".join(again.output.split())


def test_the_audit_names_who_typed_a_command(operator: Operator) -> None:
    operator.deploy(BAD)
    operator.sql("INSERT INTO selfheal.trusted_roles VALUES (session_user)")
    try:
        assert operator.selfheal("prompts", "rollback").exit_code == 0
    finally:
        operator.sql("DELETE FROM selfheal.trusted_roles WHERE role = session_user")
    last = "SELECT person FROM selfheal.audit ORDER BY id DESC LIMIT 1"
    assert operator.sql(last) == find_operator()
    assert operator.serving().created_by == "operator"
