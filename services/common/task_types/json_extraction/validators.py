"""Rules and criteria for structured data that was taken out of a text."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from services.common.task_types.conformance import (
    UncheckableSchemaError,
    find_violation,
    walk_objects,
)
from services.common.task_types.json_extraction.derivation import is_made_up
from services.common.task_types.json_extraction.grounding import is_stated, normalize
from services.common.task_types.json_extraction.reading import Extraction, read_extraction
from services.common.task_types.json_extraction.variants import are_same_words
from services.common.task_types.rules import (
    AnsweredTask,
    Finding,
    Grade,
    failed,
    not_applicable,
    passed,
)

SHORT_REMARK_CHARACTERS = 40
MAX_SHOWN_CHARACTERS = 60
# What a value earns that may be derived from the text.
DERIVED_GRADE = 0.5
PLACEHOLDERS = frozenset(
    """n/a na none null unknown undefined missing string number value tbd todo xxx ... - ?
    unspecified unbekannt 없음 미정""".split()
) | {"not specified", "not available", "not mentioned", "not provided", "not given", "알 수 없음"}

Leaf = tuple[str, Any]


def parses_as_json(task: AnsweredTask) -> Finding:
    """The answer is JSON: as a whole, or in one code block."""
    extraction = _read(task)
    return failed(extraction.problem) if extraction.problem else passed("the answer is JSON")


def conforms_to_the_schema(task: AnsweredTask) -> Finding:
    """The data follow the schema in the request."""
    extraction = _read(task)
    if extraction.schema is None:
        return not_applicable("the request shows no schema")
    if extraction.problem:
        return failed(f"there are no data: {extraction.problem}")
    try:
        violation = find_violation(extraction.schema, extraction.value)
    except UncheckableSchemaError as error:
        return not_applicable(f"the schema in the request can't be checked: {error}")
    return failed(violation) if violation else passed("the data follow the schema")


def values_are_in_the_text(task: AnsweredTask) -> Finding:
    """Every value is stated by the text, and none is made up."""
    extraction = _read(task)
    if extraction.problem:
        return failed(f"there are no data: {extraction.problem}")
    stated, derived, invented = _sort_by_grounding(extraction)
    if invented:
        path, value = invented[0]
        return failed(f"the text doesn't say {_show(value)}, which stands at {path}")
    if derived:
        path, value = derived[0]
        return not_applicable(f"{_show(value)} at {path} may be derived from the text, or not")
    if not stated:
        return not_applicable("there is no value that could stand in a text")
    return passed(f"the text states all of the {len(stated)} values")


def leaves_nothing_out(task: AnsweredTask) -> Finding:
    """No placeholder stands where a value belongs, and there is a value at all."""
    extraction = _read(task)
    if extraction.problem:
        return failed(f"there are no data: {extraction.problem}")
    leaves = list(_leaves(extraction.value))
    if not any(value not in (None, "") for _, value in leaves):
        return failed("no field has a value")
    for path, value in leaves:
        if not isinstance(value, str):
            continue
        plain = normalize(value)
        if not plain or (plain in PLACEHOLDERS and plain not in normalize(extraction.text)):
            return failed(f"{_show(value)} at {path} is no value")
    return passed("fields have values")


def adds_no_fields(task: AnsweredTask) -> Finding:
    """No field is there that the schema doesn't name."""
    extraction = _read(task)
    if extraction.schema is None:
        return not_applicable("the request shows no schema")
    if extraction.problem:
        return failed(f"there are no data: {extraction.problem}")
    for path, name in _fields_beyond(extraction.schema, extraction.value):
        return failed(
            f"{path} has the field {name[:MAX_SHOWN_CHARACTERS]!r}, which wasn't asked for"
        )
    return passed("no field was added")


def fields_are_right(task: AnsweredTask) -> Finding:
    """On a golden input that is replayed, every field has the right value."""
    extraction = _read(task)
    if task.expected is None:
        return not_applicable("no right answer is known for this request")
    if extraction.problem:
        return failed(f"there are no data: {extraction.problem}")
    wrong = next(_differences(task.expected, extraction.value, "$", extraction.text), None)
    return failed(wrong) if wrong else passed("all fields have the right values")


def is_json_alone(task: AnsweredTask) -> Grade:
    """Is there nothing beside the data?"""
    extraction = _read(task)
    if extraction.problem:
        return Grade(0, "there are no data")
    if extraction.other_characters == 0:
        return Grade(1, "there is nothing beside the data")
    if extraction.other_characters <= SHORT_REMARK_CHARACTERS:
        return Grade(0.7, "there is a remark beside the data")
    return Grade(0.4, "there is prose beside the data")


def is_grounded(task: AnsweredTask) -> Grade:
    """How many of the values does the text state?"""
    extraction = _read(task)
    if extraction.problem:
        return Grade(0, "there are no data")
    stated, derived, invented = _sort_by_grounding(extraction)
    total = len(stated) + len(derived) + len(invented)
    if total == 0:
        is_empty = not list(_leaves(extraction.value))
        return Grade(0.2 if is_empty else 0.8, "there is no value that could stand in a text")
    earned = len(stated) + DERIVED_GRADE * len(derived)
    return Grade(earned / total, f"the text states {len(stated)} of {total} values")


def _read(task: AnsweredTask) -> Extraction:
    return read_extraction(task.user_input, task.answer)


def _sort_by_grounding(extraction: Extraction) -> tuple[list[Leaf], list[Leaf], list[Leaf]]:
    """Sort values into those the text states, those that may come of it, and those made up.

    Words that the schema offers are left out: choosing one of them takes no statement.
    """
    offered = _words_offered(extraction.schema)
    stated: list[Leaf] = []
    derived: list[Leaf] = []
    invented: list[Leaf] = []
    for path, value in _leaves(extraction.value):
        if value is None or isinstance(value, bool) or value == "" or value in offered:
            continue
        field = path.rpartition(".")[2]
        if is_stated(value, extraction.text):
            stated.append((path, value))
        elif is_made_up(value, field, extraction.text):
            invented.append((path, value))
        else:
            derived.append((path, value))
    return stated, derived, invented


def _words_offered(schema: Mapping[str, Any] | None) -> set[Any]:
    """Collect every word and number in an `enum` or a `const`."""
    offered: set[Any] = set()
    for node in walk_objects(schema):
        choices = node["enum"] if isinstance(node.get("enum"), list) else []
        for choice in (*choices, node.get("const")):
            if isinstance(choice, str | int | float):
                offered.add(choice)
    return offered


def _leaves(value: Any, path: str = "$") -> Iterator[Leaf]:
    """Yield every value that holds no others, with its place; reading bounds the depth."""
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _leaves(child, f"{path}.{name[:MAX_SHOWN_CHARACTERS]}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _leaves(child, f"{path}[{index}]")
    else:
        yield path, value


def _fields_beyond(schema: Any, value: Any, path: str = "$") -> Iterator[tuple[str, str]]:
    """Yield place and name of fields that `schema` doesn't name, where it names any."""
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    if isinstance(value, dict) and isinstance(properties, dict) and properties:
        is_open = "additionalProperties" in schema and schema["additionalProperties"] is not False
        for name, child in value.items():
            if name in properties:
                yield from _fields_beyond(properties[name], child, f"{path}.{name}")
            elif not is_open and not {"anyOf", "oneOf", "allOf", "$ref"} & schema.keys():
                yield path, name
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _fields_beyond(schema.get("items"), child, f"{path}[{index}]")


def _differences(expected: Any, actual: Any, path: str, text: str) -> Iterator[str]:
    """Say where `actual` isn't `expected`; case, order in lists and absent nulls don't count."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            yield f"{path} should have fields"
            return
        for name, wanted in expected.items():
            yield from _differences(wanted, actual.get(name), f"{path}.{name}", text)
    elif isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            yield f"{path} should have {len(expected)} items"
            return
        left = list(actual)
        for wanted in expected:
            same = [item for item in left if not any(_differences(wanted, item, path, text))]
            if not same:
                yield f"{path} should be {_show(expected)}"
                return
            left.remove(same[0])
    elif _comparable(expected) != _comparable(actual):
        are_texts = isinstance(expected, str) and isinstance(actual, str)
        if not (are_texts and are_same_words(expected, actual, text)):
            yield f"{path} should be {_show(expected)}, not {_show(actual)}"


def _comparable(value: Any) -> Any:
    """Reduce a plain value so that two ways to write it are equal."""
    if isinstance(value, str):
        return normalize(value).rstrip(" .,;")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < 1e15 else value  # noqa: PLR2004
    return repr(value)


def _show(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}..."
