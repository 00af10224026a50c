"""Reads a judge's reply strictly: a grade in range, or none at all."""

from typing import Any

from services.common.task_types.strict_json import parse_strictly
from services.common.text import make_storable
from services.evaluator.app.services.judging.judge import Judgement

MAX_REPLY_CHARACTERS = 8_000
MAX_REASON_CHARACTERS = 1_000


def parse_judgement(reply: str) -> Judgement:
    """Read a judgement off a reply: one JSON object, bare or in a code fence, numbers in [0, 1].

    Nothing is guessed: a "7" may be seven of ten or of a hundred, and a number that has to be
    looked for in prose may be one that the answer put there.

    Raises:
        ValueError: If the reply is anything else; the message repeats nothing of it.
    """
    if len(reply) > MAX_REPLY_CHARACTERS:
        raise ValueError("the reply is too long")
    text = reply.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    parsed = parse_strictly(text, called="the reply")
    if not isinstance(parsed, dict):
        raise ValueError("the reply is no JSON object")
    reason = parsed.get("reason", "")
    if not isinstance(reason, str):
        raise ValueError("the reason is no text")
    return Judgement(
        score=_unit_number(parsed, "score"),
        reason=make_storable(reason[:MAX_REASON_CHARACTERS]),
        confidence=_unit_number(parsed, "confidence") if "confidence" in parsed else 1.0,
    )


def _unit_number(parsed: dict[str, Any], name: str) -> float:
    value = parsed.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is no number")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is not in [0, 1]")
    return float(value)
