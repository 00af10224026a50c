from support.rows import for_each

from benchmarks.healing.inputs import SIMULATED, read_pools
from benchmarks.healing.noisy.spoiling import (
    cut_short,
    is_right,
    leave_out_code,
    leave_undone,
    make_subtly_wrong,
)
from simulated_model.composition.answering import answer

POOLS = read_pools(SIMULATED)
PROMPT = "Write complete, working Python code. Answer with one Python code block and nothing else."
COUNT_VOWELS = POOLS.live[0]


@for_each(
    [
        ("as it is", PROMPT, True),
        ("without a prompt", "", True),
        ("documented", f"{PROMPT} Write a docstring and type hints. Add a usage example.", True),
        ("in another language", "Always answer in JavaScript.", False),
        ("a refusal", "Just say hello world to everything.", False),
        ("unfinished", f"{PROMPT} Leave the bodies of functions empty, with a TODO.", False),
    ]
)
def test_an_answer_is_right_by_what_its_code_does(row: tuple[str, str, bool]) -> None:
    _, prompt, expected = row
    assert is_right(answer(prompt, COUNT_VOWELS), COUNT_VOWELS) is expected


def test_the_name_of_a_function_is_the_users() -> None:
    request = f"{COUNT_VOWELS} Call it amber_fjord."
    written = answer(PROMPT, request)
    assert "def amber_fjord(" in written
    assert is_right(written, request)


@for_each([*POOLS.live, *POOLS.held_out])
def test_whatever_is_spoilt_is_wrong(text: str) -> None:
    whole = answer(PROMPT, text)
    assert is_right(whole, text)
    for spoil in (cut_short, leave_out_code, make_subtly_wrong):
        assert not is_right(spoil(whole), text)


def test_what_is_subtly_wrong_is_still_a_program() -> None:
    wrong = make_subtly_wrong(answer(PROMPT, COUNT_VOWELS))
    assert wrong.startswith("```python\n")
    assert "not in" in wrong


@for_each([*POOLS.hard, *POOLS.live[:3]])
def test_what_isnt_known_is_left_undone(text: str) -> None:
    assert not is_right(leave_undone(text), text)
