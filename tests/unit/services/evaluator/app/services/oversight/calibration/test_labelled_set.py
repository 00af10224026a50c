"""The labelled set: what it must hold for its figures to mean something."""

import ast
from collections import Counter

from services.evaluator.app.services.oversight.calibration.labelled_set import (
    load_canaries,
    load_labelled_answers,
    make_request,
)

ITEMS = load_labelled_answers()


def test_half_of_it_is_right_and_every_id_is_its_own() -> None:
    assert len(ITEMS) >= 48
    assert Counter(item.passes for item in ITEMS) == {True: len(ITEMS) // 2, False: len(ITEMS) // 2}
    assert len({item.id for item in ITEMS}) == len(ITEMS)


def test_a_request_gives_its_answer_s_label_away_to_nobody() -> None:
    by_request = Counter(item.request for item in ITEMS)
    assert set(by_request.values()) == {2}
    assert len({(item.request, item.passes) for item in ITEMS}) == len(ITEMS)


def test_the_canary_is_six_of_each() -> None:
    assert Counter(item.passes for item in load_canaries()) == {True: 6, False: 6}


def test_what_shows_a_wrong_answer_to_be_wrong_is_one_of_its_asserts_or_named() -> None:
    for item in ITEMS:
        known = {"", "form", "no value", *(expression for expression, _ in item.asserts)}
        assert item.shown_by in ({""} if item.passes else known), item.id
    assert all(item.passes or item.shown_by for item in load_canaries())


def test_every_label_can_be_proven() -> None:
    for item in ITEMS:
        assert item.why
        assert len(item.asserts) >= 2
        for expression, expected in item.asserts:
            ast.parse(expression, mode="eval")
            ast.literal_eval(expected)


def test_requests_come_with_and_without_examples_and_in_two_languages() -> None:
    with_example = [
        item for item in ITEMS if any(mark in item.request for mark in ("==", "->", ">>>"))
    ]
    korean = [
        item
        for item in ITEMS
        if any("\uac00" <= character <= "\ud7a3" for character in item.request)
    ]
    assert len(ITEMS) // 4 < len(with_example) < 3 * len(ITEMS) // 4
    assert len(korean) >= 4


def test_nothing_but_request_and_answer_reaches_the_judge() -> None:
    item = ITEMS[0]
    request = make_request(item.request, item.answer)
    assert request.user_input == request.refined_input == item.request
    assert request.worker_output == item.answer
