"""What counts as the data of an answer, and what a request shows."""

import json

from support.rows import for_each

from services.common.task_types.json_extraction.reading import find_json_text, read_extraction

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "email": {"type": ["string", "null"]},
    },
    "required": ["name", "age", "email"],
    "additionalProperties": False,
}
TEXT = "Mira Holt, 41 years old, wrote to us from mira.holt@example.org about her order."
DATA = {"name": "Mira Holt", "age": 41, "email": "mira.holt@example.org"}
JSON = json.dumps(DATA)
DRAFT = json.dumps(DATA | {"age": 14})
SHOWN = json.dumps(SCHEMA)
REQUEST = f"Extract the data as JSON:\n\n```json\n{SHOWN}\n```\n\nText: {TEXT}"

ALONE = {
    "bare": JSON,
    "pretty": json.dumps(DATA, indent=2),
    "reasoning": f"<think>age 14? no 41</think>\n{JSON}",
    "draft-in-the-reasoning": f"<think>{DRAFT}? no</think>{JSON}",
    "fenced-draft": f"<think>\n```json\n{DRAFT}\n```\n</think>\n```json\n{JSON}\n```",
    "thinking": f"<thinking>\nIt says {{x}}.\n</thinking>\n\n```json\n{JSON}\n```",
    "fence": f"```\n{JSON}\n```",
    "tag-in-capitals": f"```JSON\n{JSON}\n```",
    "tag-with-attributes": f"```json title=data.json\n{JSON}\n```",
    "another-tag": f"```tool_code\n{JSON}\n```",
    "fence-opened-on-the-line": f"```json {JSON}\n```",
    "tildes": f"~~~json\n{JSON}\n~~~",
    "four-backticks": f"````json\n{JSON}\n````",
    "markdown-around": f"````markdown\n```json\n{JSON}\n```\n````",
    "unclosed-fence": f"```json\n{JSON}",
    "closed-on-the-last-line": f"```json\n{JSON}```",
    "line-ends-of-windows": f"```json\r\n{JSON}\r\n```\r\n",
    "bom": f"\ufeff{JSON}",
    "bom-before-a-fence": f"\ufeff```json\n{JSON}\n```",
    "zero-width": f"\u200b{JSON}\u200b",
    "end-token": f"{JSON}<|im_end|>",
    "end-token-after-a-fence": f"```json\n{JSON}\n```\n</s>",
    "list-item-opens-with-the-fence": f"- ```json\n  {JSON}\n  ```",
    "quote": f"> ```json\n> {JSON}\n> ```",
    "two-end-tokens": f"{JSON}<|eot_id|> <|end_of_text|>",
}
BESIDE = {
    "preface": f"Here is the JSON: {JSON}",
    "preface-on-its-line": f"Sure, from the text [1] and {{name}}:\n\n{JSON}",
    "remark": f"{JSON}\n\nI left out what isn't asked for [see above].",
    "remark-with-a-number": f"{JSON}\n[1] The text says so.",
    "list": f"1. The data:\n\n   ```json\n   {JSON}\n   ```\n2. That is all.",
    "preface-and-fence": f"Here you are:\n\n```json\n{JSON}\n```\nAnything else?",
    "fence-on-the-line": f"```json {JSON}```",
    "part-in-the-remark": f'{JSON}\\n\\nNote that {{"email": null}} is allowed.',
    "part-after-a-fence": f'```\\n{JSON}\\n```\\nNot {{"age": 14}}, since it says 41.',
    "part-in-the-preface": f'With {{"age": 41}} as the text says:\\n{JSON}',
    "schema-first": f"The schema:\n```json\n{SHOWN}\n```\nThe data:\n```json\n{JSON}\n```",
    "schema-after": f"```json\n{JSON}\n```\nThis follows:\n```json\n{SHOWN}\n```",
    "schema-in-prose": f"Schema: {SHOWN}\nData: {JSON}",
    "schema-other-order": f"```\n{json.dumps(SCHEMA, sort_keys=True)}\n```\n```\n{JSON}\n```",
    "draft-then-corrected": f"```json\n{DRAFT}\n```\nNo, 41:\n```json\n{JSON}\n```",
    "draft-in-prose": f"First {DRAFT}, but the age is 41: {JSON}",
    "damaged-draft-then-corrected": f"```json\n{DRAFT[:-1]},}}\n```\nOr:\n```json\n{JSON}\n```",
    "code-after": f"```json\n{JSON}\n```\nRead it with:\n```python\njson.loads(text)\n```",
    "code-before": f"```python\nprint(1)\n```\n```json\n{JSON}\n```",
    "shell-after": f"{JSON}\n\n```sh\njq .name\n```",
}


@for_each(ALONE)
def test_the_data_are_found_alone(name: str) -> None:
    found = read_extraction(REQUEST, ALONE[name])
    assert (found.value, found.problem, found.other_characters) == (DATA, "", 0)


@for_each(BESIDE)
def test_the_data_are_found_with_a_text_beside_them(name: str) -> None:
    found = read_extraction(REQUEST, BESIDE[name])
    assert (found.value, found.problem) == (DATA, "")
    assert found.other_characters > 0


@for_each({**ALONE, **BESIDE}.items(), name=lambda row: row[0])
def test_a_wrong_answer_in_the_same_wrapping_is_read_as_wrong(row: tuple[str, str]) -> None:
    answer = row[1].replace(JSON, "\0").replace(DRAFT, JSON).replace("\0", DRAFT)
    if JSON in row[1]:
        assert read_extraction(REQUEST, answer).value == json.loads(DRAFT)


def test_a_schema_that_is_all_there_is_is_no_data() -> None:
    assert read_extraction(REQUEST, f"```json\n{SHOWN}\n```").value == SCHEMA


def test_a_string_may_hold_marks() -> None:
    assert json.loads(find_json_text('{"a": "<think>x</think>"}')[0]) == {"a": "<think>x</think>"}
    for value in ("```", "x <b>", "</s>", "~~~\nx", '{"a": 1}'):
        text = json.dumps({"name": value})
        for answer in (text, f"```json\n{text}\n```", f"Here: {text}"):
            assert json.loads(find_json_text(answer)[0]) == {"name": value}


@for_each(
    [
        f"~~~json\n{SHOWN}\n~~~\nText: {TEXT}",
        f"1. Schema:\n\n   ```json\n   {SHOWN}\n   ```\n\nText: {TEXT}",
        f"> ````\n> {SHOWN}\n> ````\n\nText: {TEXT}",
        f"```json\r\n{SHOWN}\r\n```\r\nText: {TEXT}",
        f"Text: {TEXT}\n```JSON Schema\n{SHOWN}\n```",
        f"Follow {SHOWN}\nText: {TEXT}",
    ]
)
def test_a_request_shows_its_schema_in_any_fence(request_text: str) -> None:
    found = read_extraction(request_text, JSON)
    assert found.schema == SCHEMA
    assert found.text == TEXT


@for_each(["[1," * 30_000, "{" * 90_000, "[" * 90_000, '["a' * 30_000, "{ " * 40_000])
def test_hostile_prose_is_read_to_an_end(text: str) -> None:
    assert read_extraction(REQUEST, text).problem
