"""Refinement as a whole: examples, and the laws that it keeps on any text."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rows import for_each

from services.common.task_types import open_task_types
from services.manager.app.services.refinement.code import split_code
from services.manager.app.services.refinement.defaults import DEFAULT_FORM
from services.manager.app.services.refinement.rules import refine

CODE = "code_generation"
LANGUAGE_LINE = "Language: Python."
BOTH = f"\n\n{LANGUAGE_LINE} {DEFAULT_FORM}"

# What makes refinement hard, to be put together in any order.
WORDS = """please|Hello,|not|and|the|word|write|sort|안녕하세요|해 주세요|와""".split("|")
DEFAULTS = """code|only|json|as|to|that|it|파이썬|함수|JS|C++|in Go|go|in c|in C|temperature
function|x = 5|def f(""".replace("\n", "|").split("|")
DEFAULTS += [LANGUAGE_LINE, DEFAULT_FORM, BOTH]
MARKS = ["`", "``", "```", "````", "~~~", "~~", "~", "```python\n", *".,!?:|\"'()1", ":)", " - "]
SPACES = ["\n", "\r\n", "\r", "\u2028", "\x0b", "\x1c", "\x85", " ", "    ", "\t", "\u3000", "\xa0"]
UNSEEN = [*"\u200b\u200c\u200d\u180e\u034f\ufeff\u202e\x00\x07\xad\ufe0f\u2764\U0001f468\U000e0041"]
COMPOSING = [*"aeU\u0301\u0327\u0338\u0344\u2190\u1fef\u212a\u037e\u0958\u1100\u1161\u0627\u0653"]
FRAGMENTS = st.sampled_from([*WORDS, *DEFAULTS, *MARKS, *SPACES, *UNSEEN, *COMPOSING])
TEXTS = st.one_of(
    st.text(),
    st.lists(FRAGMENTS | st.text(max_size=2), max_size=14).map("".join),
    st.lists(FRAGMENTS, max_size=10).map(" ".join),
)
TASK_TYPES = st.sampled_from([CODE, "summary"])


@settings(max_examples=1000)
@given(text=TEXTS, task_type=TASK_TYPES)
def test_refining_again_changes_nothing(text: str, task_type: str) -> None:
    refined = refine(text, task_type=task_type)
    assert refine(refined, task_type=task_type) == refined


@given(text=TEXTS, task_type=TASK_TYPES)
def test_code_stays_verbatim_and_in_order(text: str, task_type: str) -> None:
    assert split_code(refine(text, task_type=task_type)).parts[1::2] == split_code(text).parts[1::2]


@given(text=TEXTS, task_type=TASK_TYPES)
def test_prose_is_clean(text: str, task_type: str) -> None:
    for prose in split_code(refine(text, task_type=task_type)).parts[::2]:
        assert unicodedata.is_normalized("NFC", prose)
        assert "\n\n\n" not in prose
        assert " \n" not in prose
        assert {c for c in prose if unicodedata.category(c) == "Cc"} <= {"\n", "\t"}


@given(text=TEXTS, task_type=TASK_TYPES)
def test_a_text_with_something_to_see_is_never_refined_away(text: str, task_type: str) -> None:
    unseen = ("Cc", "Cf", "Mn", "Zs", "Zl", "Zp")
    if any(unicodedata.category(character) not in unseen for character in text):
        assert refine(text, task_type=task_type).strip()


@given(text=TEXTS, task_type=TASK_TYPES)
def test_growth_is_bounded(text: str, task_type: str) -> None:
    composed_length = sum(max(1, len(unicodedata.normalize("NFC", c))) for c in text)
    assert len(refine(text, task_type=task_type)) <= composed_length + len(BOTH)


@given(before=st.text("ab,. \n", max_size=9), code=st.text(st.characters(exclude_characters="`~")))
def test_a_fenced_block_survives_whatever_is_in_it(before: str, code: str) -> None:
    block = f"```python\n{code}\n```"
    assert block in refine(f"Please {before}\n{block}\nfix  it", task_type=CODE)


@pytest.mark.parametrize(
    ("user_input", "refined"),
    [
        (
            "Write a function to sort a list",
            f"Write a function to sort a list\n\n{LANGUAGE_LINE}",
        ),
        ("  Sort  a list\r\n\r\n\r\nin Rust ", f"Sort a list\n\nin Rust\n\n{DEFAULT_FORM}"),
        ("could you reverse a string,  please?", f"could you reverse a string, please?{BOTH}"),
        ("def f(x): return x", "def f(x): return x"),
        ("add `a  b`  to 'c  d'", f"add `a  b` to 'c  d'{BOTH}"),
        ("py\u200bthon sort cafe\u0301", f"python sort caf\u00e9\n\n{DEFAULT_FORM}"),
        ("정렬  함수를 파이썬으로 작성해 주세요!", "정렬 함수를 파이썬으로 작성해 주세요!"),
        ("Fix:\n```\nx  = 1\t\n```\n\n", f"Fix:\n```\nx  = 1\t\n```{BOTH}"),
        ("Fix:\n```\nx  = 1  ", "Fix:\n```\nx  = 1  "),
        ("`\u200b` stays", f"`\u200b` stays{BOTH}"),
    ],
)
def test_code_requests(user_input: str, refined: str) -> None:
    assert refine(user_input, task_type=CODE) == refined


@pytest.mark.parametrize("text", ["?!", "😀"])
def test_a_text_without_a_word_is_only_cleaned(text: str) -> None:
    assert refine(f" {text}\u200b", task_type=CODE) == text


def test_other_task_types_get_no_defaults() -> None:
    assert refine("Please  summarise this", task_type="summary") == "Please summarise this"


@pytest.mark.parametrize("text", ["", " \n", "\u200b\ufeff"])
def test_nothing_to_see_is_refined_to_nothing(text: str) -> None:
    assert refine(text, task_type=CODE) == ""


@pytest.mark.parametrize("joint", ["`\u200b```\nx", "```a```\u200b```\nx", "``\u200b`c`"])
def test_backticks_that_did_not_touch_stay_apart(joint: str) -> None:
    refined = refine(f"a {joint}", task_type="summary")
    assert split_code(refined).parts[1::2] == split_code(f"a {joint}").parts[1::2]
    assert refine(refined, task_type="summary") == refined


GOLDEN_INPUTS = open_task_types(None).golden_inputs(CODE)


@for_each(GOLDEN_INPUTS.choosing + GOLDEN_INPUTS.verdict)
def test_a_golden_input_keeps_its_wording(text: str) -> None:
    request = refine(text, task_type=CODE).split(f"\n\n{LANGUAGE_LINE}")[0]
    assert request.removesuffix(f"\n\n{DEFAULT_FORM}") == text


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "`",
            "` ",
            "`a`",
            "``a` ",
            "``` ",
            "```\n",
            "\n```a`",
            "~~~ \n```\n",
            "~\u200b",
            "`\u200b",
        ),
        *(
            " ",
            "a  ",
            " \n",
            " \u3000",
            "\t",
            "\r\n",
            "\u200b",
            "\u200d\u0915",
            "e\u0301",
            "\U0001d160",
        ),
        *('"', " '", "“", ", ", ".", "in C ", "def a", ":)", "language: "),
    ],
)
def test_twenty_thousand_hostile_characters_are_refined(unit: str) -> None:
    for text in (unit * 20_000)[:20_000], f"x {unit * 10_000}"[:20_000] + " x":
        refined = refine(text, task_type=CODE)
        assert refine(refined, task_type=CODE) == refined
