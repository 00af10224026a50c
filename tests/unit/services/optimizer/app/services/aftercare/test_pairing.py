"""Pairs of live answers: fixed at arrival, whatever is logged or deleted later."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.optimizer.app.services.aftercare import pairing
from services.optimizer.app.services.aftercare.pairing import LivePair, extend_pairs
from services.optimizer.app.services.log.log_records import LoggedResult

GOOD, BAD = 0.9, 0.35


def answer(
    row_id: int, asked: str, score: float = GOOD, fingerprint: str = "f", model: str = ""
) -> LoggedResult:
    return LoggedResult(
        asked, asked, score, score >= 0.7, fingerprint=fingerprint, model=model, row_id=row_id
    )


def old(*asked: str) -> list[LoggedResult]:
    """The other version's answers, from row 100 down: the newest first."""
    return [answer(100 - at, text) for at, text in enumerate(asked)]


def new(*asked: str) -> list[LoggedResult]:
    """The promoted version's answers, in the order of their arrival, from row 201 on."""
    return [answer(201 + at, text) for at, text in enumerate(asked)]


def partners(pairs: list[LivePair]) -> dict[int, int]:
    return {pair.answer_id: pair.partner_id for pair in pairs}


SORT_5, SORT_9 = "sort a list of 5 numbers", "sort a list of 9 numbers"


@for_each(
    [
        ("nothing-logged", [], [], {}),
        ("nothing-to-compare-with", [], ["a"], {}),
        ("no-answer-yet", ["a"], [], {}),
        ("the-same-request", ["a", "b"], ["b"], {201: 99}),
        ("a-like-request", ["reverse this string", SORT_5], [f"please {SORT_9}"], {201: 99}),
        ("the-same-before-a-like-one", [SORT_5, SORT_9], [SORT_9], {201: 99}),
        ("else-the-next-there-is", ["a", "b"], ["c", "d"], {201: 100, 202: 99}),
        ("each-has-one-partner", ["a"], ["b", "c"], {201: 100}),
        ("of-like-requests-two-count", ["a", "b", "c", "d"], ["x", "x", "x", "y"],
                                       {201: 100, 202: 99, 204: 98}),
        ("of-like-old-ones-too", ["a", "a", "a"], ["x", "y", "z"], {201: 100, 202: 99}),
        # An exact match that comes later gets what is left: the earlier pair stays.
        ("no-partner-is-taken-back", ["hard", "easy"], ["new", "hard"], {201: 100, 202: 99}),
    ]
)  # fmt: skip
def test_answers_are_paired(row: tuple[Any, ...]) -> None:
    _, before, after, found = row
    assert partners(extend_pairs([], old(*before), new(*after))) == found


def test_a_pair_has_both_scores() -> None:
    [pair] = extend_pairs([], [answer(1, "a", GOOD)], [answer(2, "a", BAD)])
    assert pair == LivePair(2, 1, score=BAD, partner_score=GOOD)
    assert (pair.scores.candidate, pair.scores.incumbent) == (BAD, GOOD)


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({"fingerprint": "another"}, 0),
        ({"model": "another"}, 0),
        ({"model": ""}, 1),
    ],
)
def test_only_answers_of_one_evaluator_and_one_model_compare(
    change: dict[str, str], count: int
) -> None:
    before = [replace(answer(1, "a", model="m"), **change)]
    assert len(extend_pairs([], before, [answer(2, "a", model="m")])) == count


def test_a_pair_stays_where_its_rows_are_deleted_and_uses_its_partner_up() -> None:
    known = extend_pairs([], old("a", "b"), new("a"))
    assert extend_pairs(known, [], []) == known
    later = extend_pairs(known, old("a", "b"), [answer(300, "a")])
    assert partners(later) == {201: 100, 300: 99}


def test_a_watch_takes_no_pairs_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "MAX_PAIRS", 2)
    assert len(extend_pairs([], old(*"abcd"), new(*"abcd"))) == 2


REQUESTS = st.sampled_from(["a", "b", "c", "sort 1", "sort 2", "sort 3", SORT_5, SORT_9])
SCORES = st.sampled_from([GOOD, BAD])
DRAWN = st.lists(st.tuples(REQUESTS, SCORES, st.sampled_from("fg")), max_size=14)


def log(drawn: list[tuple[str, float, str]], start: int) -> list[LoggedResult]:
    return [answer(start + at, text, score, mark) for at, (text, score, mark) in enumerate(drawn)]


@given(DRAWN, DRAWN, st.integers(0, 14))
def test_the_pairs_of_a_shorter_log_begin_those_of_a_longer_one(
    before: list[tuple[str, float, str]], after: list[tuple[str, float, str]], cut: int
) -> None:
    earlier, later = log(before, 1)[::-1], log(after, 100)
    prefix = extend_pairs([], earlier, later[:cut])
    whole = extend_pairs([], earlier, later)
    assert whole[: len(prefix)] == prefix
    # In whatever order the rows are read, and however often.
    assert extend_pairs([], earlier, later[::-1]) == whole
    assert extend_pairs(prefix, earlier, later) == whole
    assert extend_pairs(whole, earlier, later) == whole


@given(DRAWN, DRAWN)
def test_who_is_paired_with_whom_depends_on_no_score(
    before: list[tuple[str, float, str]], after: list[tuple[str, float, str]]
) -> None:
    earlier, later = log(before, 1)[::-1], log(after, 100)
    other = [[replace(row, score=1 - row.score) for row in rows] for rows in (earlier, later)]
    assert partners(extend_pairs([], *other)) == partners(extend_pairs([], earlier, later))


@given(DRAWN, DRAWN)
def test_no_answer_is_in_two_pairs(
    before: list[tuple[str, float, str]], after: list[tuple[str, float, str]]
) -> None:
    pairs = extend_pairs([], log(before, 1)[::-1], log(after, 100))
    assert len({pair.answer_id for pair in pairs}) == len(pairs)
    assert len({pair.partner_id for pair in pairs}) == len(pairs)
