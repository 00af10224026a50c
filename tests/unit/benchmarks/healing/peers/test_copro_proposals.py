"""The parser that COPRO lacks: whatever a small model makes of the form, it finds a proposal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.healing.peers.copro_proposals import (
    MAX_PROPOSAL_CHARACTERS,
    MAX_QUESTION_CHARACTERS,
    ask_for_another,
    read_instruction,
    shorten_question,
)

FALLBACK = "Always answer in JavaScript."
AS_ASKED_FOR = """\
[[ ## proposed_instruction ## ]]
Write Python.

[[ ## proposed_prefix_for_output_field ## ]]
Code:

[[ ## completed ## ]]
"""


@pytest.mark.parametrize(
    ("reply", "instruction"),
    [
        (AS_ASKED_FOR, "Write Python."),
        ("[[ ## proposed_instruction ## ]] Write Python.", "Write Python."),
        ("**Proposed instruction:** Write Python.", "Write Python."),
        ('Proposed Instruction: "Write Python."\nProposed prefix: Code:', "Write Python."),
        ("`proposed_instruction`: Write Python. [[ ## completed ## ]]", "Write Python."),
        ("Write Python.\n\n[[ ## completed ## ]]", "Write Python."),
        ("Write Python.", "Write Python."),
        ("# Role\n- [1] Write Python.", "# Role\n- [1] Write Python."),
        ("```\nWrite Python.\n```", "Write Python."),
        ("[[ ## completed ## ]]", FALLBACK),
        ("[[ ## proposed_instruction ## ]]", FALLBACK),
        (" ", FALLBACK),
        ('""', FALLBACK),
    ],
)
def test_an_instruction_is_found_however_it_is_written(reply: str, instruction: str) -> None:
    assert read_instruction(reply, fallback=FALLBACK) == instruction


@given(st.text(max_size=400))
def test_any_reply_gives_an_instruction(reply: str) -> None:
    instruction = read_instruction(reply, fallback=FALLBACK)
    assert instruction.strip()
    assert len(instruction) <= MAX_PROPOSAL_CHARACTERS


def test_a_long_reply_is_cut() -> None:
    assert len(read_instruction("word " * 9000, fallback="")) <= MAX_PROPOSAL_CHARACTERS


def test_a_long_reply_of_marks_is_read_at_once() -> None:
    for mark in ("# ", "[[ ", "* ", "proposed instruction ", "[[ ## "):
        assert read_instruction(mark * 50_000, fallback=FALLBACK)


def test_a_question_keeps_its_beginning_and_its_end() -> None:
    question = "beginning " + "attempt " * 2000 + "end"
    shortened = shorten_question(question)
    assert shortened.startswith("beginning")
    assert shortened.endswith("end")
    assert len(shortened) < MAX_QUESTION_CHARACTERS + 20
    assert shorten_question("short") == "short"


def test_only_the_first_of_several_questions_is_as_copro_puts_it() -> None:
    questions = [ask_for_another("Propose.", number) for number in (1, 2, 3)]
    assert questions[0] == "Propose."
    assert len(set(questions)) == 3
