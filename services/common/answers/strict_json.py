"""Parses JSON strictly: no field twice, no NaN, no number that is too large."""

import json
import math
from functools import partial
from typing import Any


def parse_strictly(text: str, *, called: str) -> Any:
    """Parse JSON that a stranger wrote.

    Args:
        called: What messages call the text: "the answer".

    Raises:
        ValueError: If it can't be parsed; the message repeats nothing of the text.
    """
    try:
        return strict_decoder(called).decode(text)
    except json.JSONDecodeError as error:
        problem = f"{called} isn't JSON: {error.msg} in line {error.lineno}"
        raise ValueError(problem) from error
    except RecursionError as error:
        raise ValueError(f"{called} is nested too deeply") from error


def strict_decoder(called: str, *, bare_line_ends: bool = False) -> json.JSONDecoder:
    """Return a decoder that refuses repeated fields and what isn't a finite number.

    Args:
        bare_line_ends: Take line ends and tabs in strings as they are.
    """
    return json.JSONDecoder(
        object_pairs_hook=partial(_reject_repetitions, called),
        parse_constant=_reject_constant,
        parse_float=_parse_finite,
        strict=not bare_line_ends,
    )


def _reject_repetitions(called: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError(f"{called} names a field twice")
    return fields


def _reject_constant(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON number")


def _parse_finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number
