from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from selfheal.erasure.texts import LEAST_CHARACTERS, PersonsTexts
from services.common.presentation.detail_reading import read_line
from services.common.record.text_lint import ERASED

LONG = "My name is Ann and I live in the last house."
QUOTE = "it has words from requests or answers:"


def know(*inputs: str, older: tuple[str, ...] = (), **columns: Any) -> PersonsTexts:
    texts = PersonsTexts()
    for number, asked in enumerate(inputs):
        row = {"id": number, "user_input": asked, "refined_input": None, "worker_output": None,
               "messages": None, "choices": None, "variables": None}  # fmt: skip
        texts.add(row | columns, older)
    return texts


@for_each(
    [
        (f"As in: {LONG}!", f"As in: {ERASED}!"),
        ({"a": [LONG, 1, None]}, {"a": [ERASED, 1, None]}),
        (f"{LONG} {LONG}", f"{ERASED} {ERASED}"),
        (LONG.upper(), LONG.upper()),
        (LONG[:-1], LONG[:-1]),
        (f'{QUOTE} "anybody s words…".', f'{QUOTE} "{ERASED}".'),
        ("", ""),
    ]
)
def test_a_text_is_found_where_it_stands_whole(row: tuple[Any, Any]) -> None:
    stored, left = row
    texts = know(f"  {LONG}\n")
    assert texts.erase_from(stored) == left
    assert texts.erase_from(left) == left


@for_each([("text", True), ("inputs", True), ("mends", True), ("reason", False), ("", False)])
def test_a_short_text_is_found_where_reports_have_inputs(row: tuple[str, bool]) -> None:
    key, is_found = row
    stored = {key: "hi"}
    assert know("hi").erase_from(stored) == ({key: ERASED} if is_found else stored)
    assert know("hi").erase_from({key: ["say hi"]}) == {key: ["say hi"]}


def test_a_text_is_found_as_reports_cut_it() -> None:
    asked = "so\tlong " * 60
    cut = asked[:200]
    for told in (cut, read_line({"text": cut}, "text", most=200)):
        assert know(asked).erase_from({"text": told}) == {"text": ERASED}


def test_answers_and_all_of_a_conversation_but_system_messages_are_texts() -> None:
    said = {number: f"Said in place number {number}." for number in range(5)}
    texts = know(
        "",
        worker_output=said[0],
        messages=[
            {"role": "system", "content": said[4]},
            {"role": "user", "content": [{"type": "text", "text": said[1]}]},
        ],
        choices=[{"message": {"tool_calls": [{"function": {"arguments": said[2]}}]}}],
        variables={"name": said[3]},
    )
    left = texts.erase_from(list(said.values()))
    assert left == [ERASED] * 4 + [said[4]]


def test_what_an_older_prompt_says_is_not_theirs() -> None:
    assert know(LONG, older=(f"Say: {LONG}",)).erase_from(LONG) == LONG
    assert know(LONG, older=("Say: no",)).erase_from(LONG) == ERASED


def test_a_text_that_serves_stays_and_is_remembered_with_its_rows() -> None:
    serving = f"Say: {LONG}"
    texts = PersonsTexts([serving, "Another."])
    row = {"user_input": LONG, "refined_input": "", "worker_output": "", "messages": None,
           "choices": None, "variables": None}  # fmt: skip
    for number in (3, 4):
        texts.add(row | {"id": number}, ())
    assert texts.erase_from({"content": serving, "other": f"{serving}."}) == {
        "content": serving, "other": f"Say: {ERASED}.",
    }  # fmt: skip
    assert texts.left == {serving: {3, 4}}


@given(st.lists(st.text("ab ", min_size=LEAST_CHARACTERS), max_size=4), st.text("ab ", max_size=90))
def test_whatever_overlaps_nothing_of_a_text_is_left(inputs: list[str], around: str) -> None:
    texts = know(*inputs)
    stored = around + "".join(inputs) + around
    left = texts.erase_from(stored)
    known = [text.strip() for text in inputs if len(text.strip()) >= LEAST_CHARACTERS]
    assert not any(text in left for text in known)
    assert texts.erase_from(left) == left
