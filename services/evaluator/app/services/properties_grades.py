"""Grades by the thresholds that a request states: `'A' from 90, 'B' from 80, and 'F' below`."""

import re
from collections.abc import Iterator
from itertools import pairwise

GRADE = r"['\"`](?P<grade{0}>[A-F][+-]?|[가-힣]{{1,4}}|[A-Za-z]{{3,12}})['\"`]"
GRADE_FIRST = re.compile(
    GRADE.format("") + r"(?:,)?\s+(?:for|if|from|when|at)\b(?P<words>[^'\"`.;]{0,50}?)"
    r"(?P<least>\d{1,3})(?P<more>[^'\"`.;,\d]{0,24})"
)
LAST = re.compile(
    GRADE.format("")
    + r"\s+(?:otherwise|below|for (?:all|anything|everything|any)\s*\w* ?(?:else|lower"
    r"|below|other)|(?:if|for) (?:\w+ ){0,3}(?:below|less than|lower than|under))"
)
OTHERWISE = re.compile(r"\b(?:otherwise|else)\b,?\s+(?:returns? )?" + GRADE.format(""), re.I)
IS_GRADING = re.compile(r"\b(?:scores?|grades?|marks?|points)\b", re.I)
# Bounds that can't be told from their number alone.
EXCLUSIVE = re.compile(
    r"\b(?:more than|above|over|greater than|exceed\w*|between|to|up to)\b|[><]", re.I
)
INCLUSIVE = re.compile(
    r"\b(?:from|and more|or more|and above|or above|and up|or higher|at least)\b", re.I
)
UPPER = re.compile(r"\b(?:below|less than|under|lower than|at most)\b", re.I)
MANY = re.compile(
    r"\b(?:lists?|average|mean|scores and|weighted|curve|dictionary|dict|students)\b", re.I
)
MIN_GRADES = 2
MAX_CHARACTERS = 600


def find_grades(user_input: str) -> tuple[tuple[int, str], ...]:
    """Scores with the grades that a request gives them; none where anything is unclear."""
    if (
        len(user_input) > MAX_CHARACTERS
        or not IS_GRADING.search(user_input)
        or MANY.search(user_input)
    ):
        return ()
    stated = list(_stated(user_input))
    least = [bound for bound, _, _ in stated]
    last = LAST.search(user_input) or OTHERWISE.search(user_input)
    falls = all(one > following for one, following in pairwise(least))
    if len(stated) < MIN_GRADES or last is None or not falls or least[-1] < 1:
        return ()
    grades = [grade for _, grade, _ in stated]
    if last["grade"] in grades or len(set(grades)) < len(grades):
        return ()
    return tuple(_scores(stated, last["grade"]))


def _stated(user_input: str) -> Iterator[tuple[int, str, bool]]:
    """Thresholds with their grades, and whether the threshold itself is meant for sure."""
    for match in GRADE_FIRST.finditer(user_input):
        around = f"{match[0]} "
        if UPPER.search(around):
            continue
        is_sure = (
            INCLUSIVE.search(around) is not None
            and EXCLUSIVE.search(re.sub(r"\b(?:and|or) above\b", "", around)) is None
        )
        yield int(match["least"]), match["grade"], is_sure


def _scores(stated: list[tuple[int, str, bool]], last: str) -> Iterator[tuple[int, str]]:
    above = 100
    for least, grade, is_sure in stated:
        yield (above + least) // 2, grade
        if is_sure:
            yield least, grade
        above = least
    yield above // 2, last
