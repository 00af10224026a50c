"""Messages between Evaluator and zygote: there and back, and what is none."""

import pytest

from services.evaluator.app.sandbox.jail.protocol import (
    MAX_MESSAGE,
    Ending,
    Message,
    Ready,
    RunEnded,
    StartRun,
    StopRun,
    decode,
    encode,
)


@pytest.mark.parametrize(
    "message",
    [
        StartRun(7, 60_003, 3000, 2, 256),
        StopRun(2**40),
        RunEnded(7, Ending.WALL, -9, 1990, 3001, 30_000),
        Ready(),
        Ready(problem="none — 없음"),
    ],
)
def test_messages_arrive(message: Message) -> None:
    assert decode(encode(message)) == message


def test_how_a_run_ended_is_the_very_member() -> None:
    ended = decode(encode(RunEnded(7, Ending.STARVED, -9, 1990, 3001, 30_000)))
    assert isinstance(ended, RunEnded)
    assert ended.ending is Ending.STARVED


@pytest.mark.parametrize("character", ["x", "\0", "없", "\N{GRINNING FACE}"])
def test_a_long_problem_fits_in_a_message(character: str) -> None:
    assert len(encode(Ready(problem=character * 9999))) <= MAX_MESSAGE


@pytest.mark.parametrize(
    "content",
    [b"", b"R", b"[]", b"{}", b"7", b'["Ready", "", 1]', b'["Stop", 1]', b'["RunEnded", 1]',
     b'["RunEnded", 1, 99, 0, 0, 0, 0]', encode(StopRun(1)) + b"x"],
)  # fmt: skip
def test_anything_else_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of the JSON parser, too
        decode(content)
