"""Checks an answer for the fields and types of the guide's API."""

import reprlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final


def _is_uuid(value: Any) -> bool:
    try:
        uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        return False
    return True


def _is_filled_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def is_score(value: Any) -> bool:
    """Tell whether a value is a number in [0, 1]."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= 1


def is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


Field = tuple[str, Callable[[Any], bool]]
REQUEST_FIELDS: Final[Mapping[str, Field]] = {
    "request_id": ("uuid", _is_uuid),
    "refined_input": ("string with something in it", _is_filled_text),
    "worker_output": ("string", _is_text),
    "evaluation_score": ("float in [0, 1]", is_score),
    "evaluation_passed": ("bool", lambda value: isinstance(value, bool)),
    "prompt_version": ("int", is_whole),
}
EVALUATION_FIELDS: Final[Mapping[str, Field]] = {
    "request_id": ("uuid", _is_uuid),
    "score": ("float in [0, 1]", is_score),
    "passed": ("bool", lambda value: isinstance(value, bool)),
    "detail": ("object", lambda value: isinstance(value, dict)),
}
HEALTH_FIELDS: Final[Mapping[str, Field]] = {
    "status": ("string", _is_text),
    "service": ("string", _is_text),
    "version": ("string", _is_text),
}


DESCRIPTION_CHARACTERS: Final = 80
_BRIEFLY: Final = reprlib.Repr()  # however deep a value is nested
_BRIEFLY.maxstring = _BRIEFLY.maxlong = _BRIEFLY.maxother = DESCRIPTION_CHARACTERS


def describe(value: Any) -> str:
    """Describe a JSON value and its type in one short line."""
    return f"{type(value).__name__}: {_BRIEFLY.repr(value)}"[:DESCRIPTION_CHARACTERS]


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A field that is missing (`seen` is None) or of another type."""

    field: str
    expected: str
    seen: str | None


def find_field_problems(
    answer: Mapping[str, Any], fields: Mapping[str, Field]
) -> list[FieldProblem]:
    """List what an answer lacks or mistypes; more fields than the guide's are welcome."""
    problems = []
    for name, (expected, is_right) in fields.items():
        if name not in answer:
            problems.append(FieldProblem(name, expected, None))
        elif not is_right(answer[name]):
            problems.append(FieldProblem(name, expected, describe(answer[name])))
    return problems
