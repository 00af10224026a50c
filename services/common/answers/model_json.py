"""Reads the JSON object that a model was asked for, as models write it. Pure.

What stands around the object is passed over, and slips in its form are mended; its numbers are
never guessed: one counts only as it is written, whole, in the one place that names its field.
"""

import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import json_repair

from services.common.answers.marks import FENCE_LINE, strip_marks
from services.common.answers.reasoning import ModelText, split_reasoning
from services.common.answers.strict_json import strict_decoder

MAX_CHARACTERS = 8_000
MAX_REASONING_CHARACTERS = 400_000
# Mending takes the square of these at worst: 0.01 s.
MAX_BRACKETS_MENDED = 200
WHOLE_NUMBER = re.compile(r"\s*(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*[,}]")
OBJECT_START = re.compile(r"\{\s*[\"']")
_DECODER = strict_decoder("the reply", bare_line_ends=True)


@dataclass(frozen=True, slots=True)
class ModelObject:
    """An object that a model wrote.

    Attributes:
        fields: Its fields.
        is_plain: The object is the whole reply and nothing in it was mended; beside it are at
            most a fence, end tokens, and reasoning that names no such field.
        before: What stands before the object on its line.
    """

    fields: dict[str, Any]
    is_plain: bool
    before: str = ""


def read_model_object(reply: str, key: str) -> ModelObject:
    """Read the object with the field `key` off a reply.

    Raises:
        ValueError: If there is none, or several that differ in it; the message repeats nothing
            of the reply.
    """
    if len(reply) > MAX_REASONING_CHARACTERS:
        raise ValueError("the reply is too long")
    text = strip_marks(reply)
    try:
        # Before anything is split: a string of the object may hold a mark of reasoning.
        if len(text) <= MAX_CHARACTERS:
            with suppress(json.JSONDecodeError):
                return ModelObject(_require_object(_DECODER.decode(text), key), is_plain=True)
        return _find_object(split_reasoning(reply), key)
    except RecursionError as error:
        raise ValueError("the reply is nested too deeply") from error


def _find_object(reply: ModelText, key: str) -> ModelObject:
    text = strip_marks(reply.final)
    if len(text) > MAX_CHARACTERS:
        raise ValueError("the reply is too long")
    names = re.compile(rf"[\"']{key}\\*[\"']\s*:")
    objects, rest = _split_objects(text, key)
    if not objects:
        return _mend(text, key, names)
    if names.search(rest) or any(each.fields[key] != objects[-1].fields[key] for each in objects):
        raise ValueError(f"the reply gives {key} more than once")
    is_alone = not re.search(r"\w", FENCE_LINE.sub("", rest))
    return replace(objects[-1], is_plain=is_alone and not names.search(reply.reasoning))


def _split_objects(text: str, key: str) -> tuple[list[ModelObject], str]:
    """Find the whole objects that have a field, and the text around them."""
    objects, around, end = [], [], 0
    start = text.find("{")
    while start >= 0:
        try:
            fields, next_start = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError:
            next_start = start + 1
        else:
            if key in fields:
                before = text[:start].rpartition("\n")[2]
                objects.append(ModelObject(fields, is_plain=False, before=before))
                around.append(text[end:start])
                end = next_start
        start = text.find("{", next_start)
    return objects, "".join([*around, text[end:]])


def _mend(text: str, key: str, names: re.Pattern[str]) -> ModelObject:
    """Mend an object that is damaged: a comma too many, a bracket too few and the like."""
    opening = OBJECT_START.search(text)
    if not opening or len(names.findall(text)) != 1:
        raise ValueError("the reply holds no JSON object of its form, or several")
    start = opening.start()
    damaged = text[start : text.rfind("}") + 1] or text[start:].rstrip("`~ \r\n")
    if re.sub(r"\\.", "", damaged).count('"') % 2 or damaged[-1] not in "\"'}]":
        raise ValueError("the reply is cut off")
    if sum(map(damaged.count, "{[(")) > MAX_BRACKETS_MENDED:
        raise ValueError("the reply is nested too deeply")
    fields = _require_object(json_repair.loads(damaged, skip_json_loads=True), key)
    for name, value in fields.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            _require_as_written(name, value, damaged)
    return ModelObject(fields, is_plain=False, before=text[:start].rpartition("\n")[2])


def _require_as_written(name: str, number: float, source: str) -> None:
    """Refuse a number unless its field stands once, and this number is all that stands in it."""
    places = list(re.finditer(rf"[\"']{re.escape(name)}[\"']\s*:", source))
    literal = WHOLE_NUMBER.match(source, places[0].end()) if len(places) == 1 else None
    if literal is None or float(literal[1]) != number:
        raise ValueError("a number in the reply isn't written as one")


def _require_object(value: object, key: str) -> dict[str, Any]:
    if not isinstance(value, dict) or key not in value:
        raise ValueError(f"the reply is no JSON object with {key}")
    return value
