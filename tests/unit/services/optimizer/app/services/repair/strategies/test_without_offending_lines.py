"""The part that does the harm is found by leaving parts out."""

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.optimizer.app.services.proof.replay_results import ReplayResult
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext
from services.optimizer.app.services.repair.strategies.without_offending_lines import (
    MAX_TRIALS,
    PROBES,
    join_pieces,
    split_prompt,
    without_offending_lines,
)

MakeContext = Callable[..., RepairContext]
Propose = Callable[..., Awaitable[list[Candidate]]]

GOOD_LINES = [f"- Rule {number} of the house." for number in range(8)]
BAD_LINE = "Say hello to everything."


def with_bad_line(at: int) -> str:
    return "\n".join([*GOOD_LINES[:at], BAD_LINE, *GOOD_LINES[at:]])


def is_harmless(content: str) -> bool:
    return BAD_LINE not in content


@pytest.mark.parametrize("at", range(len(GOOD_LINES) + 1))
async def test_one_offending_line_is_found_wherever_it_stands(
    make_context: MakeContext, propose: Propose, at: int
) -> None:
    context = make_context(with_bad_line(at), passes=is_harmless)
    [candidate] = await propose(without_offending_lines, context)
    assert candidate.content == "\n".join(GOOD_LINES)
    assert candidate.rationale == "leaves out 1 of 9 parts, without which 2 failing inputs pass"
    assert len(context.replay.asked) <= MAX_TRIALS * PROBES  # type: ignore[attr-defined]


async def test_a_sentence_in_a_line_is_a_part(make_context: MakeContext, propose: Propose) -> None:
    context = make_context(f"You write code. {BAD_LINE} Be brief.", passes=is_harmless)
    [candidate] = await propose(without_offending_lines, context)
    assert candidate.content == "You write code. Be brief."


async def test_two_neighbouring_lines_are_left_out_together(
    make_context: MakeContext, propose: Propose
) -> None:
    incumbent = "\n".join([*GOOD_LINES[:6], "Greet.", "Greet again."])
    context = make_context(incumbent, passes=lambda content: "Greet" not in content)
    [candidate] = await propose(without_offending_lines, context)
    assert candidate.content == "\n".join(GOOD_LINES[:6])


@pytest.mark.parametrize(
    "incumbent", [BAD_LINE, "", "```\nall\nof it\n```"], ids=["one-line", "empty", "one-block"]
)
async def test_of_one_part_nothing_would_be_left(
    make_context: MakeContext, propose: Propose, incumbent: str
) -> None:
    context = make_context(incumbent, passes=lambda content: True)
    assert await propose(without_offending_lines, context) == []


async def test_where_nothing_helps_nothing_is_proposed(
    make_context: MakeContext, propose: Propose
) -> None:
    context = make_context(with_bad_line(3))
    assert await propose(without_offending_lines, context) == []
    assert len(context.replay.asked) == 2 * PROBES  # type: ignore[attr-defined]


async def test_where_nothing_fails_again_there_is_nothing_to_find(
    make_context: MakeContext, propose: Propose
) -> None:
    passing = {"failing-1": ReplayResult(0.9, True, "f")}
    context = make_context(with_bad_line(3), incumbent_results=passing, passes=is_harmless)
    assert await propose(without_offending_lines, context) == []
    assert context.replay.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("calls", range(9))
async def test_the_share_of_calls_is_kept(
    make_context: MakeContext, propose: Propose, calls: int
) -> None:
    """What a search may take is what is left once the verdict has its calls."""
    context = make_context(with_bad_line(0), passes=is_harmless, calls_for_search=calls)
    await propose(without_offending_lines, context)
    assert len(context.replay.asked) <= calls  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("One.", ["One."], id="one"),
        pytest.param("One. Two! Three?", ["One. ", "Two! ", "Three?"], id="sentences"),
        pytest.param("One\nTwo\n\nThree", ["One\n", "Two\n\n", "Three"], id="lines"),
        pytest.param("v1.2 stays.", ["v1.2 stays."], id="a-stop-inside-a-word"),
        pytest.param(
            "Before.\n```\na. b\nc\n```\nAfter.",
            ["Before.\n", "```\na. b\nc\n```\n", "After."],
            id="a-block-is-one-part",
        ),
        pytest.param("```\nopen. end", ["```\n", "open. ", "end"], id="a-block-that-never-ends"),
    ],
)
def test_a_prompt_is_cut_into_lines_and_sentences(text: str, pieces: list[str]) -> None:
    assert split_prompt(text) == pieces


@given(st.text(st.sampled_from("aB.!? \n\t`0\x00\r\u2028"), max_size=60) | st.text(max_size=60))
def test_the_pieces_make_the_text(text: str) -> None:
    pieces = split_prompt(text)
    assert "".join(pieces) == text
    assert join_pieces(pieces) == text.strip()
    assert all(piece.strip() for piece in pieces[1:])
