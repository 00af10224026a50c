"""What a run left behind, read as what became of it. Anything a child never writes is forged."""

import json
import signal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.sandbox import Execution, Opaque, RunLimits, StepResult
from services.evaluator.app.sandbox.jail.child import EXIT_OUT_OF_MEMORY
from services.evaluator.app.sandbox.jail.protocol import Ending, RunEnded
from services.evaluator.app.sandbox.run.records import (
    FORGED,
    NOT_FINISHED,
    Flood,
    RunRemains,
    read_remains,
)

TOKEN = "0123456789abcdef"
LIMITS = RunLimits()
ENDED = RunEnded(1, Ending.EXITED, 0, cpu_ms=4, wall_ms=5, peak_memory_kb=30_000)
CONFINED: list[Any] = ["confined", ["uid", "seccomp"]]
LOADED: list[Any] = ["loaded"]
FINISHED: list[Any] = ["finished"]


def returned(number: int, value: int) -> list[Any]:
    return ["step", number, "returned", ["i", hex(value)]]


def lines(*records: Any, token: str = TOKEN) -> bytes:
    first, *others = [json.dumps(record).encode() + b"\n" for record in records]
    return first + b"".join(token.encode() + line for line in others)


def ended(ending: Ending = Ending.EXITED, exit_code: int = 0, **usage: int) -> RunEnded:
    return RunEnded(1, ending, exit_code, usage.get("cpu_ms", 4), usage.get("wall_ms", 5), 30_000)


def read(
    results: bytes,
    notice: RunEnded = ENDED,
    *,
    step_count: int = 2,
    flood: Flood = "",
    output: bytes = b"",
) -> Execution:
    remains = RunRemains(TOKEN, results, output, output_cut=False, flood=flood, ended=notice)
    return read_remains(remains, step_count, LIMITS)


WHOLE = lines(CONFINED, LOADED, returned(0, 7), returned(1, 8), FINISHED)


def test_a_whole_run() -> None:
    assert read(WHOLE, output=b"hi\n") == Execution(
        status="finished",
        loaded=True,
        steps=(StepResult("returned", 7), StepResult("returned", 8)),
        output="hi\n",
        cpu_ms=4,
        wall_ms=5,
        peak_memory_kb=30_000,
        layers=("uid", "seccomp"),
    )


def test_steps_that_raised_or_asked_for_too_much() -> None:
    execution = read(
        lines(
            CONFINED,
            LOADED,
            ["step", 0, "raised", "KeyError", "x"],
            ["step", 1, "inconclusive", "PermissionError", "1: no"],
            FINISHED,
        )
    )
    assert execution.status == "finished"
    assert execution.steps == (
        StepResult("raised", error="KeyError", message="x"),
        StepResult("inconclusive", error="PermissionError", message="1: no"),
    )


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        ("raised", "load_failed", "loading raised KeyError: x"),
        (
            "inconclusive",
            "inconclusive",
            "loading asked for what the sandbox doesn't have: KeyError: x",
        ),
    ],
)
def test_loading_that_failed(outcome: str, status: str, reason: str) -> None:
    execution = read(lines(CONFINED, ["load_failed", outcome, "KeyError", "x"], FINISHED))
    assert (execution.status, execution.loaded) == (status, False)
    assert (execution.reason, execution.error) == (reason, "KeyError")
    assert execution.steps == (NOT_FINISHED, NOT_FINISHED)


def test_a_value_that_stayed() -> None:
    execution = read(
        lines(CONFINED, LOADED, ["step", 0, "returned", ["opaque", "Thing"]], FINISHED),
        step_count=1,
    )
    assert execution.steps[0].value == Opaque("Thing")


HALF = lines(CONFINED, LOADED, returned(0, 7))


@pytest.mark.parametrize(
    ("notice", "flood", "limit", "keeps_steps"),
    [
        (ended(Ending.WALL, -9, wall_ms=3001), "", "wall", True),
        (ended(Ending.EXITED, -9, cpu_ms=1990), "", "cpu", True),
        (ended(Ending.EXITED, -9, cpu_ms=1400, wall_ms=2900), "", "cpu", True),
        (ended(Ending.EXITED, -9, wall_ms=3501), "", "wall", True),
        (ended(Ending.WALL, -9, cpu_ms=1990, wall_ms=3001), "", "wall", True),
        (ended(Ending.STOPPED, -9), "output", "output", True),
        (ended(Ending.STOPPED, -9), "results", "output", True),
        (ended(Ending.EXITED, EXIT_OUT_OF_MEMORY), "", "memory", True),
        (ended(Ending.EXITED, -9), "", "crash", False),
        (ended(Ending.EXITED, -signal.SIGSEGV), "", "crash", False),
        (ended(Ending.EXITED, -40), "", "crash", False),
        (ended(Ending.EXITED, 0), "", "crash", False),
        (ended(Ending.EXITED, 3), "", "crash", False),
    ],
)
def test_what_stopped_a_run(notice: RunEnded, flood: Flood, limit: str, keeps_steps: bool) -> None:
    execution = read(HALF, notice, flood=flood)
    assert (execution.status, execution.limit, execution.loaded) == ("stopped", limit, True)
    assert execution.reason
    first = StepResult("returned", 7) if keeps_steps else NOT_FINISHED
    assert execution.steps == (first, NOT_FINISHED)


@pytest.mark.parametrize(
    ("results", "first"),
    [(b"", NOT_FINISHED), (HALF, StepResult("returned", 7))],
    ids=["before it was confined", "between steps"],
)
def test_a_run_that_was_not_let_run_says_nothing(results: bytes, first: StepResult) -> None:
    execution = read(results, ended(Ending.STARVED, -9, cpu_ms=20, wall_ms=3001))
    assert (execution.status, execution.limit) == ("inconclusive", "")
    assert "too busy" in execution.reason
    assert execution.steps == (first, NOT_FINISHED)


def test_a_record_cut_off_with_the_run_is_none() -> None:
    execution = read(HALF + lines(CONFINED, returned(1, 8))[-9:-1], ended(Ending.WALL, -9))
    assert execution.steps == (StepResult("returned", 7), NOT_FINISHED)


@pytest.mark.parametrize(
    ("results", "notice", "said"),
    [
        (b"", ended(exit_code=96), "exit code 96"),
        (b"", ended(Ending.NOT_STARTED), "no process"),
        (b"", ended(Ending.WALL, -9), "before the sandbox was closed"),
        (lines(["unsafe", "seccomp: missing"]), ended(exit_code=97), "seccomp: missing"),
    ],
)
def test_a_run_that_was_never_confined(results: bytes, notice: RunEnded, said: str) -> None:
    execution = read(results, notice)
    assert execution.status == "unavailable"
    assert said in execution.reason
    assert execution.steps == (NOT_FINISHED, NOT_FINISHED)


@pytest.mark.parametrize(
    "results",
    [
        pytest.param(lines(LOADED, FINISHED), id="not-confined"),
        pytest.param(lines(["confined", []], LOADED), id="no-layers"),
        pytest.param(lines(["confined", [1]], LOADED), id="layers-that-are-none"),
        pytest.param(lines(["unsafe", "x"], LOADED), id="unsafe-and-loaded"),
        pytest.param(lines(CONFINED, CONFINED), id="confined-twice"),
        pytest.param(lines(CONFINED, LOADED, LOADED), id="loaded-twice"),
        pytest.param(lines(CONFINED, FINISHED), id="finished-without-loading"),
        pytest.param(lines(CONFINED, returned(0, 7)), id="a-step-without-loading"),
        pytest.param(lines(CONFINED, LOADED, FINISHED), id="too-few-steps"),
        pytest.param(lines(CONFINED, LOADED, returned(1, 8)), id="out-of-order"),
        pytest.param(lines(CONFINED, LOADED, returned(0, 7), returned(0, 7)), id="a-step-twice"),
        pytest.param(
            lines(CONFINED, LOADED, returned(0, 7), returned(1, 8), returned(2, 9)),
            id="too-many-steps",
        ),
        pytest.param(WHOLE + lines(CONFINED, FINISHED)[-23:], id="finished-twice"),
        pytest.param(WHOLE + b"\n", id="an-empty-line-behind"),
        pytest.param(WHOLE.replace(b"\n", b"\n\n", 1), id="an-empty-line-between"),
        pytest.param(lines(CONFINED, LOADED, FINISHED, token=""), id="no-token"),
        pytest.param(lines(CONFINED, LOADED, token="0" * 16), id="another-token"),
        pytest.param(lines(CONFINED, LOADED, ["step", True, "raised", "E", ""]), id="true-as-a-0"),
        pytest.param(lines(CONFINED, LOADED, ["step", 0.0, "raised", "E", ""]), id="0.0-as-a-0"),
        pytest.param(lines(CONFINED, LOADED, ["step", 0, "passed", "E", ""]), id="no-outcome"),
        pytest.param(lines(CONFINED, LOADED, ["step", 0, "returned"]), id="no-value"),
        pytest.param(lines(CONFINED, LOADED, ["step", 0, "returned", 1]), id="no-tagged-value"),
        pytest.param(lines(CONFINED, LOADED, ["step", 0, "raised", "E"]), id="no-message"),
        pytest.param(
            lines(CONFINED, LOADED, ["step", 0, "raised", "E", "x" * 201]), id="a-long-message"
        ),
        pytest.param(lines(CONFINED, LOADED, ["step", 0, "raised", 1, "x"]), id="no-error"),
        pytest.param(lines(CONFINED, ["load_failed", "returned", "E", "x"]), id="failed-well"),
        pytest.param(lines(CONFINED, ["load_failed", "raised", "E", "x"], LOADED), id="after-all"),
        pytest.param(lines(CONFINED, {"loaded": True}), id="an-object"),
        pytest.param(lines(CONFINED) + TOKEN.encode() + b"[NaN]\n", id="not-a-number"),
        pytest.param(lines(CONFINED) + TOKEN.encode() + b"[" * 90_000 + b"\n", id="deep"),
        pytest.param(lines(CONFINED) + TOKEN.encode() + b"9" * 90_000 + b"\n", id="long-number"),
        pytest.param(lines(CONFINED) + TOKEN.encode() + b"\xff\xfe\n", id="no-text"),
    ],
)
def test_records_that_no_child_writes_make_the_run_worthless(results: bytes) -> None:
    for notice in (ENDED, ended(Ending.WALL, -9, wall_ms=3001)):
        execution = read(results, notice)
        assert (execution.status, execution.limit) == ("stopped", "crash")
        assert execution.reason == FORGED
        assert execution.steps == (NOT_FINISHED, NOT_FINISHED)
        assert not execution.loaded


@pytest.mark.parametrize("exit_code", [1, -9, -signal.SIGSEGV])
def test_an_end_that_does_not_go_with_the_records_is_forged(exit_code: int) -> None:
    assert read(WHOLE, ended(exit_code=exit_code)).reason == FORGED


def test_time_that_is_up_behind_the_last_record_takes_nothing_away() -> None:
    assert read(WHOLE, ended(Ending.WALL, -9)).status == "finished"


@given(st.binary(max_size=200))
def test_whatever_is_written_is_answered(noise: bytes) -> None:
    execution = read(HALF + noise)
    assert len(execution.steps) == 2
    assert execution.status == "stopped"


@given(st.permutations(range(5)), st.integers(0, 5))
def test_only_one_order_of_records_finishes(order: list[int], kept: int) -> None:
    records = [line + b"\n" for line in WHOLE.splitlines()]
    chosen = order[:kept]
    execution = read(b"".join(records[position] for position in chosen))
    assert (execution.status == "finished") == (chosen == [0, 1, 2, 3, 4])
