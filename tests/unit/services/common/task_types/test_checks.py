"""Reading checks of golden inputs: what is taken, and what is refused with which words."""

import pytest

from services.common.task_types.checks import CheckedCall, read_checks


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("f(2, 3) == 5", CheckedCall("f", "", "f(2, 3)", 5)),
        ("f() == None", CheckedCall("f", "", "f()", None)),
        ("sorted(f({1})) == [1]", CheckedCall("f", "", "sorted(f({1}))", [1])),
        ("f([])[0] == (1, -2.5)", CheckedCall("f", "", "f([])[0]", (1, -2.5))),
        ("f('') raises ValueError", CheckedCall("f", "", "f('')", None, "ValueError")),
        ("f(' raises x') == 1", CheckedCall("f", "", "f(' raises x')", 1)),
        ("f(lambda x: x) == {'a'}", CheckedCall("f", "", "f(lambda x: x)", {"a"})),
        (
            "s = Stack(); s.push(1); s.top == 1",
            CheckedCall("Stack", "s = Stack()\ns.push(1)", "s.top", 1),
        ),
    ],
)  # fmt: skip
def test_a_check_is_a_call_and_what_it_comes_to(text: str, call: CheckedCall) -> None:
    assert read_checks([text]) == ((call,),)


def test_a_check_may_have_one_call_for_each_reading() -> None:
    ((one, other), (same,)) = read_checks([["f(1, 2) == 3", "f(2, 1) == 3"], "f(0, 0) == 0"])
    assert (one.expression, other.expression, same.expression) == ("f(1, 2)", "f(2, 1)", "f(0, 0)")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ("f(1) == 1", "checks must be a list"),
        ([1], "check 1 must be a text"),
        ([[]], "check 1 must be a text"),
        (["f(1) == 1", ["f(2) == 2", 3]], "check 2 must be a text"),
        (["f(1)"], "check 1 is neither"),
        (["f(1) = 1"], "check 1 is neither"),
        (["f(1) == g"], "check 1 is neither"),
        (["f(1) < 2"], "check 1 is neither"),
        (["f(1) == [[]] == 2"], "check 1 is neither"),
        (["f(1) == {[]}"], "check 1 is neither"),
        (["f(1) raises Nothing"], "check 1 is neither"),
        (["f(1 == 1"], "check 1 is neither"),
        ([""], "check 1 is neither"),
        (["f(1) == \x00"], "check 1 is neither"),
        (["f(x) == 1"], "check 1 must call one function or class"),
        (["f(g(1)) == 1"], "check 1 must call one function or class"),
        (["len([]) == 0"], "check 1 must call one function or class"),
        (["1 == 1"], "check 1 must call one function or class"),
        ([["f(1) == 1"] * 2, ["f(1) == 1"] * 3], "one text for each reading"),
        (["f(1) == 1"] * 11, "10 calls at most"),
        ([["f(1) == 1"] * 2] * 6, "10 calls at most"),
    ],
)
def test_a_malformed_check_is_named_by_its_number(entries: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_checks(entries)
