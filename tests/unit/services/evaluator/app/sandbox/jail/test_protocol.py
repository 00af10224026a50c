"""Messages between Evaluator and zygote: there and back, and what is none."""

import pytest

from services.evaluator.app.sandbox.jail.protocol import (
    MAX_MESSAGE,
    Ending,
    ProtocolError,
    Ready,
    RunEnded,
    StartRun,
    StopRun,
    read_notice,
    read_order,
)


@pytest.mark.parametrize("order", [StartRun(7, 60_003, 3000, 2, 256), StopRun(2**32 - 1)])
def test_orders_arrive(order: StartRun | StopRun) -> None:
    assert read_order(order.encode()) == order


@pytest.mark.parametrize(
    "notice",
    [RunEnded(7, Ending.WALL, -9, 1990, 3001, 30_000), Ready(), Ready(problem="none — 없음")],
)
def test_notices_arrive(notice: RunEnded | Ready) -> None:
    assert read_notice(notice.encode()) == notice


def test_a_long_problem_fits_in_a_message() -> None:
    assert len(Ready(problem="x" * 9999).encode()) == MAX_MESSAGE


@pytest.mark.parametrize("message", [b"", b"R", b"X" * 21, StartRun(1, 2, 3, 4, 5).encode() + b"x"])
def test_other_orders_are_refused(message: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_order(message)


@pytest.mark.parametrize("message", [b"", b"E", b"R" * 22])
def test_other_notices_are_refused(message: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_notice(message)
