"""A repair that serves a share of the traffic before it serves all of it, on real services."""

import json
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest
from support.running_system import GUIDE_INJECTION, RunningSystem, make_system

from selfheal.runtime.waiting import wait_until
from services.common import task_types

pytestmark = pytest.mark.slow

PATIENCE_SECONDS = 60
# For some hundred requests, of which each is scored before it is answered.
TRAFFIC_SECONDS = 300
# Requests that the simulated model knows how to answer.
GOLDEN = Path(task_types.__file__).parent / "code_generation" / "golden_inputs.json"


@pytest.fixture(scope="module")
def autopilot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    system = make_system(tmp_path_factory.mktemp("canary"))
    system.environment["CANARY_STEPS"] = ""
    try:
        system.selfheal("up", "--autopilot")
        yield system
    finally:
        system.selfheal("reset", "--yes")


def canaries(system: RunningSystem) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(system.selfheal("canary", "list", "--json").stdout)
    return rows


def test_it_goes_on_with_the_traffic_and_ends_in_a_promotion(autopilot: RunningSystem) -> None:
    autopilot.psql(GUIDE_INJECTION)
    for _ in range(3):
        failed = autopilot.request("Write a binary search function").json
        assert failed["evaluation_passed"] is False
    assert wait_until(lambda: bool(canaries(autopilot)), timeout_seconds=PATIENCE_SECONDS)
    [canary] = canaries(autopilot)
    assert canary["steps"] == [0.1, 0.5, 1]
    assert "step 1 of 0.1, 0.5, 1" in autopilot.selfheal("canary", "show").stdout
    texts = cycle(
        [one["input"] for half in json.loads(GOLDEN.read_text()).values() for one in half]
    )

    def is_promoted() -> bool:
        for text in islice(texts, 20):
            autopilot.request(text)
        return canaries(autopilot)[0]["outcome"] is not None

    assert wait_until(is_promoted, timeout_seconds=TRAFFIC_SECONDS)
    assert canaries(autopilot)[0]["outcome"] == "promoted"
    answer = autopilot.request("Write a binary search function").json
    assert (answer["prompt_version"], answer["evaluation_passed"]) == (100, True)
    shown = autopilot.selfheal("reports", "show").stdout
    assert "What its share of traffic showed" in shown
    done = autopilot.selfheal("canary", "abort", str(canary["id"]), check=False)
    assert (done.returncode, "has ended: it was promoted" in done.stderr) == (1, True)
