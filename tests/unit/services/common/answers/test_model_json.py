"""The object that a model was asked for: what is taken, what is mended, and what stays bounded."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.answers.model_json import read_model_object

HOSTILE = [
    '{"a":' * 1_600,
    '{"' * 4_000,
    "{'a':(" + "(" * 7_000,
    '{"k": ' * 1_300,
    '{"k": "' + '"b ' * 2_600 + "}",
    '{"k": 1,' + "{'" * 3_900 + "}",
    "`" * 7_990 + "x`",
    "<think>" * 60_000,
    "<" * 400_001,
    '{"k": ' + "9" * 5_000 + ",}",
    '{"k": ' + "[" * 7_000 + ",}",
]


@for_each(HOSTILE)
def test_a_hostile_reply_is_refused(reply: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_model_object(reply, "k")


@given(st.text(alphabet="{}[]\"':,k01.\\\n <think>/`"))
def test_any_reply_gives_an_object_with_the_field_or_a_value_error(reply: str) -> None:
    try:
        found = read_model_object(reply, "k")
    except ValueError:
        return
    assert "k" in found.fields


@given(st.floats(0, 1), st.text(max_size=30))
def test_a_number_that_is_taken_from_a_damaged_object_is_the_one_that_stands_there(
    number: float, text: str
) -> None:
    fields = {"k": number, "text": text}
    whole = json.dumps(fields)
    assert read_model_object(whole, "k").fields == fields
    for damaged in (f"{whole[:-1]},}}", whole[:-1]):
        try:
            found = read_model_object(damaged, "k")
        except ValueError:
            continue
        assert found.fields["k"] == number
        assert not found.is_plain


@for_each(range(1, 47))
def test_a_reply_that_is_cut_gives_no_number_that_is_cut(length: int) -> None:
    reply = '{"a": "x", "k": 0.125, "more": {"z": [1, 2]}, "b": "y"}'[:length]
    try:
        found = read_model_object(reply, "k")
    except ValueError:
        return
    assert found.fields["k"] == 0.125
