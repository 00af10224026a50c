import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.text import make_storable

ANY_TEXT = st.text(st.characters())
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda children: st.lists(children) | st.dictionaries(ANY_TEXT, children),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        pytest.param("def f(): ...", "def f(): ...", id="plain"),
        pytest.param("", "", id="empty"),
        pytest.param("a\x00b", "a\N{REPLACEMENT CHARACTER}b", id="NUL"),
        pytest.param("a\ud800b", "a\N{REPLACEMENT CHARACTER}b", id="lone surrogate"),
        pytest.param("한국어 😀\x1b[0m\r\n", "한국어 😀\x1b[0m\r\n", id="anything else"),
        pytest.param(r"print('\u0000')", r"print('\u0000')", id="code that spells a NUL"),
        pytest.param(
            {"a\x00": ["\udfff", ("\x00", 1)], "b": None},
            {"a\N{REPLACEMENT CHARACTER}": ["\N{REPLACEMENT CHARACTER}",
                                           ["\N{REPLACEMENT CHARACTER}", 1]], "b": None},
            id="all over a value",
        ),
        pytest.param(0.5, 0.5, id="a number"),
    ],
)  # fmt: skip
def test_what_nothing_can_store_is_replaced(value: Any, stored: Any) -> None:
    assert make_storable(value) == stored


@given(JSON_VALUES)
def test_whatever_there_is_can_be_stored_and_stays_as_it_is_then(value: Any) -> None:
    stored = make_storable(value)

    text = json.dumps(stored, ensure_ascii=False)
    assert text.encode().decode() == text
    assert "\\u0000" not in text.replace("\\\\", "")
    assert make_storable(stored) == stored
