"""Decides which log rows may be evidence, and sets aside those that give orders. Pure.

A row that is set aside is left out of what the analyst reads and of the inputs for replays. It
stays a failure that was counted: setting rows aside loses evidence, and blocks no healing. An
attacker who poisons every row gets this much: nothing is left to learn from, and the Optimizer
holds.

What it knows are wordings, in English and Korean; a paraphrase, another language, ROT13 or an
acrostic gets by. What a candidate may say doesn't depend on it: `candidate_lint` refuses words that
any row brought in, and replays prove the rest.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.screening.folded_text import decode_parts, fold
from services.optimizer.app.services.screening.suspicious_wordings import find_wordings

# How far to either side of a bound between rows an order is looked for.
REACH_CHARACTERS = 240
_STOPS = " \t\r\n.!?;:…\"'`*#/()[]"
_CODE_AT_END = re.compile(r"[A-Za-z0-9+/_-]{4,}+={0,2}\Z")
_CODE_AT_START = re.compile(r"[A-Za-z0-9+/_-]{4,1000}+={0,2}")


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that is no evidence, and why, in a snake_case word or two."""

    request_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Screened:
    """Rows that may be evidence, in their order, and those that were set aside."""

    clean: tuple[LoggedResult, ...]
    quarantined: tuple[Quarantined, ...]


def screen(results: Sequence[LoggedResult]) -> Screened:
    """Set aside rows that hold an order, and rows that hold one together.

    Args:
        results: Log rows in the order of their time, either way round; neighbours are read
            together, in both directions.
    """
    known: dict[str, str] = {}
    reasons = [_find_in_row(result, known) for result in results]
    alone = [index for index, reason in enumerate(reasons) if not reason]
    for place in _find_split([results[index] for index in alone]):
        reasons[alone[place]] = "split_over_requests"
    pairs = list(zip(results, reasons, strict=True))
    return Screened(
        clean=tuple(result for result, reason in pairs if not reason),
        quarantined=tuple(Quarantined(row.request_id, reason) for row, reason in pairs if reason),
    )


def find_suspicion(text: str) -> str:
    """Tell why a text is no evidence; empty where it may be.

    Returns:
        What the order does, where it stands in the open (`suspicious_wordings` has the list);
        behind `disguised_` where look-alikes or hidden characters cover it, behind `encoded_`
        where a code does.
    """
    plain = text.lower()
    if reason := _find_reason(plain):
        return reason
    for view in {fold(text): None, fold(text, hidden=" "): None}:
        if reason := "" if view == plain else _find_reason(view):
            return f"disguised_{reason}"
    for part in decode_parts(text):
        if reason := _find_reason(fold(part)):
            return f"encoded_{reason}"
    return ""


def _find_reason(folded: str) -> str:
    return next((reason for reason, _ in find_wordings(folded)), "")


def _find_in_row(result: LoggedResult, known: dict[str, str]) -> str:
    """Tell what is wrong with a row; a text that many rows share is read once."""
    for text in (result.user_input, result.refined_input, result.text, result.worker_output):
        if text not in known:
            known[text] = find_suspicion(text)
        if known[text]:
            return known[text]
    return ""


def _find_split(results: Sequence[LoggedResult]) -> set[int]:
    """Find rows, none suspicious alone, that hold an order together with neighbours."""
    found: set[int] = set()
    for texts in (
        [result.user_input for result in results],
        [result.refined_input for result in results],
        [result.text for result in results],
        [result.worker_output for result in results],
    ):
        last = len(texts) - 1
        found.update(_find_across(texts))
        found.update(last - place for place in _find_across(texts[::-1]))
    return found


def _find_across(texts: Sequence[str]) -> Iterator[int]:
    """Find places in a sequence of texts over whose bounds an order goes."""
    folded = [fold(text).strip(_STOPS) for text in texts]
    ends = list(accumulate(len(text) + 1 for text in folded))
    joined = "\n".join(folded)
    for bound in ends[:-1]:
        offset = max(0, bound - REACH_CHARACTERS)
        for _, match in find_wordings(joined[offset : bound + REACH_CHARACTERS]):
            # A line end before an order isn't part of it.
            words = match[0].strip(_STOPS)
            start = offset + match.start() + match[0].index(words)
            first, last = bisect_right(ends, start), bisect_right(ends, start + len(words) - 1)
            yield from range(first, last + 1) if first < last else ()
    for place, (text, following) in enumerate(pairwise(texts)):
        if _holds_halves_of_code(text.rstrip(_STOPS), following.lstrip(_STOPS)):
            yield from (place, place + 1)


def _holds_halves_of_code(text: str, following: str) -> bool:
    """Tell whether what ends one text and begins another decodes to an order."""
    half, other = _CODE_AT_END.search(text[-REACH_CHARACTERS:]), _CODE_AT_START.match(following)
    parts = decode_parts(half[0] + other[0]) if half and other else ()
    return any(_find_reason(fold(part)) for part in parts)
