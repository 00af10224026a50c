"""Reads a judge's reply: a grade in range as the judge wrote it, or none at all."""

import re
from typing import Any

from services.common.answers.model_json import ModelObject, read_model_object
from services.common.text import make_storable
from services.evaluator.app.services.judging.judge import Judgement

MAX_REASON_CHARACTERS = 1_000
SCORE_SHOWN = re.compile(r"score[\"'`\\]*\s*[:=]\s*[\"'\\]*(-?\d{1,9}(?:\.\d{1,20})?)", re.I)


def parse_judgement(reply: str, *, shown: str = "") -> Judgement:
    """Read a judgement off a reply: a JSON object whose numbers are in [0, 1].

    No number is guessed: a "7" may be seven of ten or of a hundred. And none is taken that the
    answer may have put there: where there is more than the object, a score that the case itself
    shows may be a quotation, and so may one in the middle of a sentence.

    Args:
        shown: What the judge was shown of the case.

    Raises:
        ValueError: If there is no such object; the message repeats nothing of the reply.
    """
    found = read_model_object(reply, "score")
    parsed = found.fields
    score = _unit_number(parsed, "score")
    reason = parsed.get("reason", "")
    if not isinstance(reason, str):
        raise ValueError("the reason is no text")
    if not found.is_plain and _may_be_quoted(found, score, shown):
        raise ValueError("the score may be one that the reply quotes")
    is_confidence_told = parsed.get("confidence") is not None
    return Judgement(
        score=score,
        reason=make_storable(reason[:MAX_REASON_CHARACTERS]),
        confidence=_unit_number(parsed, "confidence") if is_confidence_told else 1.0,
    )


def _may_be_quoted(found: ModelObject, score: float, shown: str) -> bool:
    lead = found.before.rstrip(" \t*_`>-")
    if lead and not lead.endswith((":", "\uff1a")) and "reason" not in found.fields:
        return True
    return any(float(number) == score for number in SCORE_SHOWN.findall(shown))


def _unit_number(parsed: dict[str, Any], name: str) -> float:
    value = parsed.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is no number")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} is not in [0, 1]")
    return float(value)
