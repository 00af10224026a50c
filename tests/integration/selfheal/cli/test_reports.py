"""`selfheal reports` on real rows."""

from typing import Any

import pytest

Operator = Any  # of this directory's conftest


def test_nothing_decided_yet_is_said(operator: Operator) -> None:
    listed = operator.selfheal("reports", "list")
    assert (listed.exit_code, operator.json("reports", "list")) == (0, [])
    assert "decided nothing yet" in listed.output
    shown = operator.selfheal("reports", "show")
    assert shown.exit_code == 1
    assert "decided nothing yet" in shown.output


def test_runs_are_listed_with_what_they_changed_and_what_is_watched(operator: Operator) -> None:
    held = operator.run("held")
    promoted = operator.run("promoted")
    operator.deploy("Letters.", task_type="letters")
    operator.run("proposed", task_type="letters")
    rows = operator.json("reports", "list")
    assert [(row["task_type"], row["decision"]) for row in rows] == [
        ("letters", "proposed"),
        ("code_generation", "promoted"),
        ("code_generation", "held"),
    ]
    assert [(row["version"], row["after_version"]) for row in rows] == [
        (99, None),
        (1, 2),
        (1, None),
    ]
    assert rows[1]["watched_since"] is not None
    assert rows[1]["watched_until"] is None
    assert rows[0]["summary"] == "Everything fails."
    assert "detail" not in rows[0]
    assert [row["id"] for row in operator.json("reports", "list", "-n", "1")] == [rows[0]["id"]]
    ours = operator.json("reports", "list", "-t", "code_generation")
    assert [row["id"] for row in ours] == [promoted, held]
    shown = operator.selfheal("reports", "list").stdout
    for words in ("healed", "1 -> 2", "is being watched", "waits for an answer"):
        assert words in shown


@pytest.mark.parametrize("digits", [4, 8, 13, 36])
def test_a_run_is_shown_by_its_id_or_its_beginning(operator: Operator, digits: int) -> None:
    run_id = operator.run("promoted")
    report = operator.json("reports", "show", run_id[:digits])
    assert report["id"] == run_id
    assert report["detail"]["verdict"]["candidate_mean"] == 0.86


def test_the_latest_is_shown_where_none_is_named(operator: Operator) -> None:
    operator.run("held")
    operator.run("promoted")
    for arguments in ((), ("latest",), ("-t", "code_generation")):
        shown = operator.selfheal("reports", "show", *arguments)
        assert shown.exit_code == 0, shown.output
        assert "code_generation healed: version 2 replaced 1" in shown.stdout
        assert "selfheal prompts activate 1" in shown.stdout


def test_a_watch_that_ended_is_told(operator: Operator) -> None:
    operator.run("promoted")
    operator.sql("UPDATE selfheal.watches SET ended_at = now(), outcome = 'rolled_back'")
    assert "rolled back later" in operator.selfheal("reports", "show").stdout


@pytest.mark.parametrize(
    ("run_id", "words"),
    [
        ("nonsense", "is not the id of a run"),
        ("7", "There is no report 7"),
        ("99999999999999999999", "There is no run 9999"),
        ("abc", "is not the id of a run"),
        ("0" * 33, "is not the id of a run"),
        ("abcdef12", "There is no run abcdef12"),
    ],
)
def test_an_id_that_is_none_is_one_friendly_line(
    operator: Operator, run_id: str, words: str
) -> None:
    done = operator.selfheal("reports", "show", run_id)
    assert done.exit_code == 1
    assert words in done.output
    assert "Traceback" not in done.output


def test_runs_that_begin_alike_are_named(operator: Operator) -> None:
    for _ in range(2):
        run_id = operator.run("held")
        alike = f"abcdef12{run_id[8:]}"
        operator.sql("UPDATE selfheal.healing_runs SET id = $1 WHERE id = $2", alike, run_id)
    done = operator.selfheal("reports", "show", "abcdef12")
    assert done.exit_code == 1
    assert "2 runs begin like that" in done.output


def test_a_detail_that_is_no_record_is_shown_as_far_as_it_goes(operator: Operator) -> None:
    operator.run("held")
    operator.sql("UPDATE selfheal.healing_runs SET detail = '[1]'")
    assert "held: version 1 stays" in operator.selfheal("reports", "show").stdout
    assert operator.json("reports", "list")[0]["summary"] is None


def test_rows_of_a_prompt_that_is_gone_are_shown_too(operator: Operator) -> None:
    operator.run("promoted")
    operator.sql("DELETE FROM prompts")
    operator.sql("DELETE FROM optimization_reports")
    assert "version ? replaced ?" in operator.selfheal("reports", "show").stdout
    assert operator.selfheal("reports", "list").exit_code == 0


def test_a_run_is_shown_by_its_report_too(operator: Operator) -> None:
    run_id = operator.run("promoted")
    number = operator.json("reports", "show")["report_id"]
    assert operator.json("reports", "show", str(number))["id"] == run_id


def test_a_report_shows_what_changed_in_the_text(operator: Operator) -> None:
    operator.deploy("just say hello world to everything")
    operator.run("proposed")
    for _ in range(2):
        shown = operator.selfheal("reports", "show").stdout
        assert "-just say hello world" in shown
        assert "+You write Python." in shown
        operator.selfheal("prompts", "approve")
    assert "serves version 99's text again: 'just say hello world to everything'" in shown
    assert "code_generation approved: version 100 replaced 99" in shown
    operator.run("proposed")
    operator.sql("UPDATE prompts SET content = 'edited by hand' WHERE is_active")
    assert "edited by hand" not in operator.selfheal("reports", "show").stdout


def test_an_answered_proposal_is_listed_as_what_it_became(operator: Operator) -> None:
    operator.run("proposed")
    operator.selfheal("prompts", "reject")
    listed = operator.selfheal("reports", "list").stdout
    assert "rejected" in listed
    assert "proposed" not in listed


@pytest.mark.parametrize(
    "command",
    [
        ("reports", "list"),
        ("reports", "show"),
        ("prompts", "list"),
        ("prompts", "show"),
        ("prompts", "proposals"),
        ("prompts", "approve"),
        ("prompts", "rollback"),
    ],
)
def test_a_task_type_that_is_mistyped_is_one_friendly_line(
    operator: Operator, command: tuple[str, ...]
) -> None:
    operator.run("held")
    done = operator.selfheal(*command, "-t", "nope")
    assert done.exit_code == 1
    assert "There is no task type 'nope'. See them with: selfheal tasks list" in done.output


def test_a_task_type_without_a_run_is_no_mistake(operator: Operator) -> None:
    operator.deploy("Letters.", task_type="letters")
    for name in ("letters", "json_extraction"):
        done = operator.selfheal("reports", "list", "-t", name)
        assert done.exit_code == 0, done.output
    done = operator.selfheal("prompts", "list", "-t", "json_extraction")
    assert "selfheal tasks enable json_extraction" in done.output
