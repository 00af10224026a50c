"""The rules of JSON extraction: what passes, what fails and why, and what fights back."""

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
from support.rows import for_each

from services.common.task_types import open_task_types

TASK_TYPE = open_task_types(None).find("json_extraction")
assert TASK_TYPE
EXPECTED = TASK_TYPE.golden_inputs.expected
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "total": {"type": "number"},
        "due": {"type": ["string", "null"], "format": "date"},
        "kind": {"enum": ["bill", "receipt"]},
    },
    "required": ["name", "total"],
}
TEXT = "Bill from Otter Books, 12 March 2024: 1,250.00 to pay."
RIGHT = {"name": "Otter Books", "total": 1250, "due": "2024-03-12", "kind": "bill"}


@dataclass(frozen=True)
class Answered:
    user_input: str
    answer: str
    task_type: str = "json_extraction"
    expected: Any = None


def ask(schema: object = SCHEMA, text: str = TEXT) -> str:
    shown = schema if isinstance(schema, str) else json.dumps(schema)
    return f"Extract the data.\n\n```json\n{shown}\n```\n\nText: {text}"


def outcome(
    rule: str, answer: object, request: str | None = None, expected: object = None
) -> tuple[str, str]:
    assert TASK_TYPE
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    finding = TASK_TYPE.rules[rule](Answered(request or ask(), text, expected=expected))
    return finding.outcome, finding.reason


def judge_all(answer: str, request: str, expected: object = None) -> dict[str, str]:
    """Outcomes of all rules; grades must be in range and reasons short."""
    assert TASK_TYPE
    task = Answered(request, answer, expected=expected)
    for criterion in TASK_TYPE.criteria.values():
        assert 0 <= criterion(task).value <= 1
    findings = {name: rule(task) for name, rule in TASK_TYPE.rules.items()}
    assert all(len(finding.reason) <= 200 for finding in findings.values())
    return {name: finding.outcome for name, finding in findings.items()}


@for_each(EXPECTED)
def test_the_right_answer_to_a_golden_input_passes_every_rule(request_text: str) -> None:
    assert TASK_TYPE
    answer = json.dumps(EXPECTED[request_text], ensure_ascii=False, indent=2)
    outcomes = judge_all(answer, request_text, EXPECTED[request_text])
    assert set(outcomes.values()) == {"passed"}
    task = Answered(request_text, f"```json\n{answer}\n```")
    assert {criterion(task).value for criterion in TASK_TYPE.criteria.values()} == {1}


def spoil(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 7919
    if isinstance(value, list):
        return value[:-1]
    return "Zanzibar" if value is None else f"{value} Zanzibar"


@for_each(EXPECTED)
def test_a_wrong_field_of_a_golden_input_is_found(request_text: str) -> None:
    for name, value in EXPECTED[request_text].items():
        answer = deepcopy(EXPECTED[request_text]) | {name: spoil(value)}
        found, reason = outcome("fields_are_right", answer, request_text, EXPECTED[request_text])
        assert found == "failed"
        assert name in reason
        missing = {key: kept for key, kept in answer.items() if key != name}
        found, _ = outcome("fields_are_right", missing, request_text, EXPECTED[request_text])
        assert found == ("passed" if value is None else "failed")


def test_a_right_answer_that_is_known_judges_no_live_request() -> None:
    request = next(iter(EXPECTED))
    assert outcome("fields_are_right", {}, request)[0] == "not_applicable"


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps(RIGHT),
        f"```json\n{json.dumps(RIGHT, indent=2)}\n```",
        f"```\n{json.dumps(RIGHT)}\n```",
        f"Here you are:\n\n```json\n{json.dumps(RIGHT)}\n```\nAnything else?",
        f"```json\n{json.dumps(RIGHT)}",
    ],
)
def test_json_is_found_as_a_whole_or_in_one_block(answer: str) -> None:
    outcomes = judge_all(answer, ask())
    assert outcomes.pop("fields_are_right") == "not_applicable"
    assert set(outcomes.values()) == {"passed"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "no JSON"),
        ("Hello World", "isn't JSON"),
        (f"The data: {json.dumps(RIGHT)[:-1]},}}", "isn't JSON"),
        (f"```json\n{json.dumps(RIGHT)}\n```\n```json\n{{'a': 1}}\n```", "isn't JSON"),
        (f"{json.dumps(RIGHT)}\n{json.dumps(RIGHT)}", "Extra data"),
        (f"Two: {json.dumps(RIGHT)}, {json.dumps(RIGHT)} and so on", "Extra data"),
        (f'Here: {{"items": [{json.dumps(RIGHT)},]}}', "isn't JSON"),
        (f"Here: [{json.dumps(RIGHT)},]", "isn't JSON"),
        (f"<think>{json.dumps(RIGHT)}</think>", "no JSON"),
        (f"<think>{json.dumps(RIGHT)}</think>I can't do that.", "isn't JSON"),
        (f"<think>{json.dumps(RIGHT)}", "no JSON"),
        (f"```json\n{json.dumps(RIGHT)[:-9]}", "isn't JSON"),
        ("```json\n// the data\n{}\n```", "isn't JSON"),
        ("{'name': 'Otter Books'}", "isn't JSON"),
        ('{"name": "a", "name": "b"}', "twice"),
        ('{"total": NaN}', "NaN"),
        ('{"total": -Infinity}', "-Infinity"),
        ('{"total": 1e999}', "too large"),
        ('{"total": ' + "9" * 5_000 + "}", "4300"),
        ('{"a":' * 50 + "1" + "}" * 50, "deep"),
        ("[" * 90_000, "deep"),
        ("[" * 2_000_000, "over 100000 characters"),
        ("```json\n" * 250_000, "over 100000 characters"),
        (json.dumps(list(range(2_500))), "more than 2000 values"),
        ('{"name": "\0"}', "isn't JSON"),
    ],
)
def test_what_is_no_json_fails_with_a_reason_and_gives_no_data(answer: str, reason: str) -> None:
    found, told = outcome("parses_as_json", answer)
    assert found == "failed"
    assert reason in told
    outcomes = judge_all(answer, ask())
    assert "passed" not in outcomes.values()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": 5}, "$.name"),
        ({"total": "1250"}, "$.total"),
        ({"total": True}, "$.total"),
        ({"due": "12 March"}, "$.due"),
        ({"kind": "letter"}, "$.kind"),
    ],
)
def test_what_breaks_the_schema_is_named(changes: dict[str, object], reason: str) -> None:
    found, told = outcome("conforms_to_the_schema", RIGHT | changes)
    assert found == "failed"
    assert reason in told


def test_a_missing_required_field_breaks_the_schema() -> None:
    found, told = outcome("conforms_to_the_schema", {"total": 1250})
    assert found == "failed"
    assert "name" in told


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": "Badger Books"}, "$.name"),
        ({"total": 1300}, "$.total"),
        ({"due": "2024-12-03"}, "$.due"),
        ({"due": "2023-03-12"}, "$.due"),
    ],
)
def test_an_invented_value_is_named(changes: dict[str, object], where: str) -> None:
    found, told = outcome("values_are_in_the_text", RIGHT | changes)
    assert found == "failed"
    assert where in told
    assert TASK_TYPE
    grade = TASK_TYPE.criteria["is_grounded"](Answered(ask(), json.dumps(RIGHT | changes)))
    assert grade.value == pytest.approx(2 / 3)


def test_a_choice_that_the_schema_offers_need_not_be_in_the_text() -> None:
    assert outcome("values_are_in_the_text", {"kind": "receipt", "total": 1250})[0] == "passed"


@pytest.mark.parametrize("value", ["N/A", "", "unknown", "Not specified", "..."])
def test_a_placeholder_is_no_value(value: str) -> None:
    assert outcome("leaves_nothing_out", RIGHT | {"name": value})[0] == "failed"


def test_nothing_but_nulls_leaves_everything_out() -> None:
    assert outcome("leaves_nothing_out", {"due": None})[0] == "failed"


def test_a_field_that_was_not_asked_for_is_named() -> None:
    found, told = outcome("adds_no_fields", RIGHT | {"confidence": 1})
    assert found == "failed"
    assert "confidence" in told


def test_a_request_without_a_schema_is_judged_by_its_text() -> None:
    request = f"Give me the shop's name as JSON. {TEXT}"
    assert outcome("conforms_to_the_schema", RIGHT, request)[0] == "not_applicable"
    receipt = RIGHT | {"kind": "receipt"}
    assert outcome("values_are_in_the_text", receipt, request)[0] == "not_applicable"
    badger = RIGHT | {"name": "Badger Books"}
    assert outcome("values_are_in_the_text", badger, request)[0] == "failed"
    assert outcome("values_are_in_the_text", {"name": "Otter Books"}, request)[0] == "passed"


def test_prose_around_the_data_costs_a_part_of_the_grade() -> None:
    assert TASK_TYPE
    grade = TASK_TYPE.criteria["is_json_alone"]
    block = f"```json\n{json.dumps(RIGHT)}\n```"
    grades = [
        grade(Answered(ask(), answer)).value
        for answer in (block, f"Here it is:\n{block}", f"{'Because of this. ' * 9}\n{block}", "no")
    ]
    assert grades == sorted(grades, reverse=True)
    assert len(set(grades)) == 4
