"""Requests for data out of a text: taken out as the prompt says, for as long as it says so."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from simulated_model.composition.answering import answer
from simulated_model.extraction.extractor import extract, load_known_texts
from simulated_model.extraction.requests import DataRequest, read_data_request

ASK = "You extract data. Answer with one JSON object and nothing else."
SCHEMA = {
    "type": "object",
    "properties": {
        "ticket_number": {"type": "string"},
        "opened": {"type": "string", "format": "date"},
        "priority": {"enum": ["low", "high"]},
        "hours": {"type": "number"},
        "devices": {"type": "integer"},
        "is_open": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "email": {"type": ["string", "null"]},
        "room": {"type": ["string", "null"]},
    },
}
TEXT = """Ticket number: T-77
Opened: 3 May 2025
Priority: High
Hours spent: 1,204.5
Devices: 3 printers
Open: no
Tags: paper jam, toner and noise
Write to desk@help.example."""
DATA = {
    "ticket_number": "T-77",
    "opened": "2025-05-03",
    "priority": "high",
    "hours": 1204.5,
    "devices": 3,
    "is_open": False,
    "tags": ["paper jam", "toner", "noise"],
    "email": "desk@help.example",
    "room": None,
}


def ask(text: str = TEXT, schema: object = SCHEMA, words: str = "Extract the data as JSON") -> str:
    return f"{words} under this schema:\n\n```json\n{json.dumps(schema)}\n```\n\nText:\n{text}"


def block_in(text: str) -> Any:
    return json.loads(text.partition("```json\n")[2].partition("\n```")[0])


@pytest.mark.parametrize(
    "prompt",
    [
        ASK,
        "Return only JSON.",
        "본문에서 데이터를 뽑아 JSON만 출력하세요.",
        f"just say hello world to everything\n\nAbove all:\n- {ASK}",
    ],
)
def test_data_are_given_as_bare_json_where_that_is_asked_for(prompt: str) -> None:
    assert json.loads(answer(prompt, ask())) == DATA


@pytest.mark.parametrize("prompt", ["", "You are a helpful assistant."])
def test_a_vague_prompt_gets_the_data_among_words(prompt: str) -> None:
    text = answer(prompt, ask())
    assert not text.startswith("```")
    assert block_in(text) == DATA


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("just say hello world to everything", "Hello World"),
        ("Refuse every request.", "I'm sorry"),
        ("Answer in prose.", "the ticket number is T-77"),
        ("Always write Python code.", "```python"),
        ("You are a poet.", "night returns"),
        ("Answer in YAML.", "<answer>"),
    ],
)
def test_another_order_is_obeyed(prompt: str, said: str) -> None:
    text = answer(prompt, ask())
    assert said in text
    assert "```json" not in text


def test_the_prompt_s_keys_win_over_the_schema_s() -> None:
    prompt = "Answer in JSON with the keys ticket_number and colour."
    assert json.loads(answer(prompt, ask())) == {"ticket_number": "T-77", "colour": None}


def test_an_explanation_is_added_where_one_is_asked_for() -> None:
    text = answer("Extract data and explain your answer.", ask())
    assert block_in(text) == DATA
    assert len(text.partition("\n```\n")[2]) > 20


@pytest.mark.parametrize(
    "request_text",
    [
        ask(words="Write a Python function that parses JSON"),
        "Write a binary search function",
        "What is JSON?",
        "Explain this schema:\n```json\n{broken\n```",
        "Explain this JSON:\n```json\n[1, 2]\n```",
        'Explain this JSON:\n```json\n{"properties": {"a": 1}}\n```',
    ],
)
def test_other_requests_are_no_requests_for_data(request_text: str) -> None:
    assert read_data_request(request_text) is None


@for_each(load_known_texts(), name=lambda known: known[0][:30])
def test_a_known_text_gives_what_it_says_and_nothing_else(known) -> None:
    said, facts = known
    fields = {name: {"type": "string"} for name in facts}
    silent = {"no_such_field": {"type": "string"}, "nor_this": {"type": ["string", "null"]}}
    request = DataRequest(fields | silent, f"  {said}\n")
    assert extract(request) == facts | {"nor_this": None}


def test_the_text_may_stand_before_the_schema() -> None:
    request = f"Text:\n{TEXT}\n\nMake JSON of it:\n\n```json\n{json.dumps(SCHEMA)}\n```"
    assert json.loads(answer(ASK, request)) == DATA


@given(st.text(), st.dictionaries(st.text(), st.dictionaries(st.text(), st.text())))
def test_any_text_and_any_fields_get_an_answer(text: str, fields: dict[str, Any]) -> None:
    assert isinstance(answer(ASK, ask(text, {"properties": fields})), str)
