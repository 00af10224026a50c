from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.open_load import Load
from benchmarks.soak.figures import Serving
from benchmarks.soak.run import Options, Soak

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
OPTIONS = Options(seconds=3600, rate=3, deploy_every=600, restart_every=300, warm_up=180)


class StubDatabase:
    """A system whose second prompt is bad and whose third one heals it; the fourth is bad."""

    async def served(self) -> list[Serving]:
        passed = [(1, 0, 20), (2, 600, 0), (3, 670, 20), (4, 1200, 0)]
        return [
            Serving(prompt_id, NOON + timedelta(seconds=at), 20, share)
            for prompt_id, at, share in passed
        ]

    async def outcomes(self) -> list[dict[str, Any]]:
        return [{"prompt_id": 2, "outcome": "promoted: better", "canary_seconds": 30.0}]


def make_soak(deploys: list[dict[str, Any]]) -> Soak:
    database: Any = StubDatabase()
    system: Any = None
    soak = Soak(system, database, OPTIONS, {}, Load("", 3), print)
    soak.deploys = deploys
    return soak


@pytest.mark.parametrize(("ended", "is_over"), [(1800, True), (1300, False)])
async def test_a_deploy_has_time_until_the_next_one_or_until_the_end(
    ended: float, is_over: bool
) -> None:
    soak = make_soak([{"at": 600.0, "prompt_id": 2}, {"at": 1200.0, "prompt_id": 4}])
    first, second = await soak.judge_deploys(ended)
    assert (first["is_over"], first["healed_seconds"], first["canary_seconds"]) == (True, 70, 30)
    assert first["outcomes"] == ["promoted: better"]
    assert (second["is_over"], second["healed_seconds"]) == (is_over, None)


async def test_a_soak_that_ends_before_its_first_deploy_has_none() -> None:
    assert await make_soak([]).judge_deploys(60) == []
