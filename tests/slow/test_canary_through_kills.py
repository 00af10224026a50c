"""Manager, Worker and PostgreSQL go down under load while a repair serves a share of traffic."""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from support.running_system import GUIDE_INJECTION, RunningSystem, make_system

from selfheal.runtime.waiting import wait_until
from services.common import task_types

PATIENCE_SECONDS = 60
GOLDEN = Path(task_types.__file__).parent / "code_generation" / "golden_inputs.json"
# So few say too little to let the canary go on meanwhile.
PEOPLE = tuple(f"person {number}" for number in range(12))
PAUSE_SECONDS = 0.1
SELECT_ROW = """
    SELECT coalesce(json_agg(json_build_object(
        'id', request_id, 'version', prompt_version, 'output', worker_output,
        'rollout', concat_ws('/', evaluation_detail #>> '{worker,rollout}',
                             evaluation_detail #>> '{worker,arm}')
    )), '[]') FROM execution_logs WHERE worker_output IS NOT NULL
"""


@pytest.fixture
def system(tmp_path: Path) -> Iterator[RunningSystem]:
    system = make_system(tmp_path)
    system.environment["CANARY_STEPS"] = "0.5,1"
    try:
        system.selfheal("up", "--autopilot")
        yield system
    finally:
        system.selfheal("reset", "--yes")


@dataclass
class Load:
    """People who ask again and again, whatever becomes of what they asked.

    Attributes:
        served: What was acknowledged, as rows are told: id, version, output and rollout.
        arms: Whose answers came from which arm.
    """

    system: RunningSystem
    served: list[dict[str, Any]] = field(default_factory=list)
    arms: dict[str, set[str]] = field(default_factory=lambda: {one: set() for one in PEOPLE})
    stopped: threading.Event = field(default_factory=threading.Event)

    def ask(self, person: str) -> None:
        body = {
            "model": "code_generation",
            "messages": [{"role": "user", "content": "Write a binary search function"}],
            "selfheal": {"end_user": person},
        }
        while not self.stopped.wait(PAUSE_SECONDS):
            try:
                answer = self.system.post("manager", "/v1/chat/completions", body)
            except (OSError, ValueError):  # no answer, or half of one
                continue
            if answer.status != 200:
                continue
            told = {name.lower(): text for name, text in answer.headers.items()}
            self.served.append(
                {
                    "id": told["x-selfheal-request-id"],
                    "version": int(told["x-selfheal-prompt-version"]),
                    "output": answer.json["choices"][0]["message"]["content"],
                    "rollout": told.get("x-selfheal-rollout", ""),
                }
            )
            if arm := self.served[-1]["rollout"].rpartition("/")[2]:
                self.arms[person].add(arm)

    def until_served(self) -> bool:
        """Wait until both texts have answered anew."""
        before = len(self.served)

        def have_both() -> bool:
            return {one["version"] for one in self.served[before:]} == {99, 100}

        return wait_until(have_both, timeout_seconds=PATIENCE_SECONDS)


def kill(system: RunningSystem, name: str) -> None:
    os.kill(system.states()[name]["pid"], signal.SIGKILL)
    system.selfheal("up", "--autopilot")


def restart_database(system: RunningSystem) -> None:
    system.database.stop()
    system.database.start()


FAULTS: tuple[Callable[[RunningSystem], None], ...] = (
    lambda system: kill(system, "worker"),
    lambda system: kill(system, "manager"),
    restart_database,
)


def find_canary(system: RunningSystem) -> dict[str, Any]:
    rows = json.loads(system.selfheal("canary", "list", "--json").stdout)
    return rows[0] if rows else {}


def test_nothing_is_lost_and_it_ends_by_itself(system: RunningSystem) -> None:
    system.psql(GUIDE_INJECTION)
    for _ in range(3):
        assert system.request("Write a binary search function").json["prompt_version"] == 99
    assert wait_until(lambda: bool(find_canary(system)), timeout_seconds=PATIENCE_SECONDS)

    load = Load(system)
    with ThreadPoolExecutor(len(PEOPLE)) as pool:
        asking = [pool.submit(load.ask, person) for person in PEOPLE]
        try:
            for strike in FAULTS:
                assert load.until_served()
                strike(system)
            assert load.until_served()
        finally:
            load.stopped.set()
        for one in asking:
            one.result()
    assert find_canary(system)["outcome"] is None

    # What waited on the Manager's disk lands; each answer has its row, as it was told.
    def find_rows() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = json.loads(system.psql(SELECT_ROW))
        return rows

    asked = {one["id"] for one in load.served}
    assert wait_until(
        lambda: asked <= {row["id"] for row in find_rows()}, timeout_seconds=PATIENCE_SECONDS
    )
    rows = find_rows()
    assert max(Counter(row["id"] for row in rows).values()) == 1
    by_id = {row["id"]: row for row in rows}
    assert [by_id[one["id"]] for one in load.served] == load.served
    for one in load.served:
        is_candidate = one["rollout"].endswith("/candidate")
        assert (one["version"] == 100) == is_candidate == ("def " in one["output"])
    assert all(len(arms) == 1 for arms in load.arms.values())

    texts = cycle(
        [one["input"] for half in json.loads(GOLDEN.read_text()).values() for one in half]
    )

    def has_ended() -> bool:
        for text in islice(texts, 20):
            system.request(text)
        return find_canary(system)["outcome"] is not None

    assert wait_until(has_ended, timeout_seconds=PATIENCE_SECONDS)
    assert find_canary(system)["outcome"] == "promoted"
    assert system.request("Write a binary search function").json["prompt_version"] == 100
