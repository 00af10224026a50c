"""Tests for `figures.py` of the door's benchmark: ratios are taken within a round."""

import pytest

from benchmarks.door.figures import (
    BARE,
    DOOR,
    GUIDE,
    LITELLM,
    STREAMING,
    Case,
    Cost,
    chunk_cpu_us,
    judge_aims,
    summarize,
)
from benchmarks.instant_endpoint import CHUNKS
from benchmarks.load_generator import Load
from benchmarks.overhead.figures import MANY, ONE, Machine

IDLE = Machine(pace_ms=4.0, others_cores=0.0)


def cost(cpu_ms: float, *, p50_ms: float = 1.0, first_ms: float = 1.0) -> Cost:
    return Cost(p50_ms, p50_ms, first_ms, 1.0, {"manager": cpu_ms, "worker": 0.0}, IDLE)


def test_a_chunk_costs_what_a_stream_costs_beyond_a_whole_answer() -> None:
    rounds = {
        Case(DOOR + STREAMING, ONE): [cost(2 + 0.1 * CHUNKS), cost(4 + 0.2 * CHUNKS)],
        Case(DOOR, ONE): [cost(2), cost(4)],
    }
    assert chunk_cpu_us(rounds, ONE) == pytest.approx(150)


def test_ratios_are_taken_within_each_round() -> None:
    """A machine that is twice as slow in one round changes no ratio."""
    paces = (1.0, 2.0, 1.0)
    rounds = {
        Case(target, connections): [cost(pace * ms, p50_ms=pace * ms) for pace in paces]
        for connections in (ONE, MANY)
        for target, ms in ((DOOR, 1.0), (LITELLM, 4.0), (GUIDE, 6.0))
    }
    for target, first_ms in ((DOOR, 5.0), (BARE, 1.0)):
        rounds[Case(target + STREAMING, ONE)] = [cost(1, first_ms=first_ms) for _ in paces]
    measured = {aim.name: aim.measured for aim in judge_aims(rounds)}
    assert measured["first token after the bare provider's, p50"] == pytest.approx(4)
    for connections in (ONE, MANY):
        assert measured[f"door: CPU, {connections} connection(s)"] == pytest.approx(0.25)
        assert measured[f"door: p50, {connections} connection(s)"] == pytest.approx(0.25)
        assert measured[f"guide's route: CPU, {connections} connection(s)"] == pytest.approx(1.5)


def test_without_litellm_only_our_own_aims_are_judged() -> None:
    rounds = {Case(target, ONE): [cost(1)] for target in (DOOR, DOOR + STREAMING, BARE + STREAMING)}
    assert [aim.unit for aim in judge_aims(rounds)] == ["ms", "us"]


def test_a_round_counts_by_request() -> None:
    load = Load(latencies_ms=[3.0, 1.0, 2.0], first_ms=[1.0, 1.0, 4.0], seconds=1.5)
    found = summarize(load, {"manager": 0.006, "worker": 0.003}, IDLE)
    assert (found.p50_ms, found.p95_ms, found.first_p50_ms) == (2.0, 3.0, 1.0)
    assert (found.requests_per_second, found.whole_cpu_ms) == (2.0, pytest.approx(3.0))
