"""What `benchmarks.overload` makes of what it measured."""

from dataclasses import replace

import pytest

from benchmarks.load_generator import Load
from benchmarks.overhead.figures import Machine
from benchmarks.overload.figures import (
    AFTER,
    CALM,
    HALF,
    OVERLOAD,
    Phase,
    judge_aims,
    refusal_cpu_ms,
    summarize,
    take_quantile,
)

IDLE = Machine(pace_ms=5, others_cores=0)
CAPACITY = 100


def phase_of(offered: float, answered: float, cpu_ms: float, *, p99_ms: float = 200) -> Phase:
    """Ten seconds in which what wasn't answered was refused."""
    return Phase(
        offered=offered,
        answered=answered,
        refused=offered - answered,
        failed=0,
        p50_ms=200,
        p99_ms=p99_ms,
        late_p99_ms=1,
        refused_p99_ms=5,
        cpu_ms={"manager": cpu_ms, "worker": 0, "generator": 1e9},
        requests=round(10 * offered),
        answers=round(10 * answered),
        machine=IDLE,
    )


@pytest.fixture
def phases() -> dict[str, Phase]:
    """A system that does what it should: 4 ms for an answer, 0.2 ms for a refusal."""
    return {
        CALM: phase_of(20, 20, 800),
        HALF: phase_of(50, 50, 2000),
        OVERLOAD: phase_of(1000, 95, 4 * 950 + 0.2 * 9050, p99_ms=500),
        AFTER: phase_of(20, 20, 800),
    }


def test_a_refusal_costs_what_answers_do_not_explain(phases: dict[str, Phase]) -> None:
    assert refusal_cpu_ms(phases) == pytest.approx(0.2)


def test_what_does_as_it_should_reaches_all_aims(phases: dict[str, Phase]) -> None:
    assert [aim.name for aim in judge_aims(phases, CAPACITY) if not aim.reached] == []


@pytest.mark.parametrize(
    ("name", "changes", "missed"),
    [
        (OVERLOAD, {"answered": 79}, "capacity that is not used"),
        (OVERLOAD, {"p99_ms": 601}, "p99 of what is answered"),
        (OVERLOAD, {"cpu_ms": {"manager": 7000, "worker": 0}}, "CPU of a refusal"),
        (OVERLOAD, {"failed": 1}, "answered otherwise"),
        (AFTER, {"refused": 0.1}, "refused from 5 s after the end on"),
        (AFTER, {"p99_ms": 250}, "p99 from 5 s after the end on"),
    ],
)
def test_each_aim_can_be_missed(
    phases: dict[str, Phase], name: str, changes: dict[str, object], missed: str
) -> None:
    phases[name] = replace(phases[name], **changes)  # type: ignore[arg-type]
    assert [aim.name for aim in judge_aims(phases, CAPACITY) if not aim.reached] == [missed]


def test_a_phase_counts_what_was_answered_late_by_the_time_that_it_took() -> None:
    load = Load(latencies_ms=[200.0] * 300, refused_ms=[5.0] * 700, failures=2, seconds=12)
    phase = summarize(100, 10, load, {"manager": 1.5}, IDLE)
    assert (phase.answered, phase.refused, phase.failed) == (25, 70, 2)
    assert (phase.requests, phase.answers) == (1002, 300)
    assert phase.cpu_ms == {"manager": 1500}


def test_a_quantile_is_one_of_the_values() -> None:
    assert take_quantile([3.0, 1.0, 2.0], 0.99) == 3
    assert take_quantile([], 0.5) == 0
