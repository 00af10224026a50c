"""Evaluators behind one address, each with a home of its own, come to know the same."""

from itertools import cycle
from pathlib import Path

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.common.config import Settings
from services.common.database import Database
from services.common.http import create_session
from services.common.oversight.records import EvaluatorRecord
from services.common.siblings import EvaluatorClient
from services.evaluator.app.services.oversight.exchange import KnownRecords
from services.manager.app.services.evaluator_exchange import exchange_once, exchange_records

FINGERPRINT, JUDGE = "aaaa", "local:tiny@1"


def record(kind: str, minute: int, value: float) -> EvaluatorRecord:
    moment = f"2026-01-02T03:{minute:02}:00+00:00"
    of_kind = {
        "canary_baseline": {"agreement": value, "recorded_at": moment},
        "calibration": {"kappa": value, "susceptibility": None, "calibrated_at": moment},
    }
    identity = FINGERPRINT if kind == "canary_baseline" else JUDGE
    return EvaluatorRecord.model_validate(
        {"kind": kind, "identity": identity, "record": of_kind[kind], "recorded_at": moment}
    )


class Replicas:
    """What stands behind a load balancer: each call meets the next one."""

    def __init__(self, *homes: Path) -> None:
        self.known = [KnownRecords(home) for home in homes]
        self._turns = cycle(self.known)

    async def exchange_records(self, records: list[EvaluatorRecord]) -> list[EvaluatorRecord]:
        replica = next(self._turns)
        replica.take(records)
        return replica.load()


async def test_whichever_replica_is_met_all_come_to_know_the_same(
    database: Database, tmp_path: Path
) -> None:
    first, second, empty = homes = [tmp_path / name for name in ("first", "second", "empty")]
    KnownRecords(first).take([record("canary_baseline", 1, 0.9), record("calibration", 2, 0.3)])
    KnownRecords(second).take([record("canary_baseline", 2, 0.5), record("calibration", 4, 0.8)])
    # Started at the same second as the first, and came to something else: one of them stays.
    KnownRecords(empty).take([record("canary_baseline", 1, 0.7)])
    replicas = Replicas(*homes)
    for _ in range(2 * len(homes)):
        await exchange_once(database, replicas)  # type: ignore[arg-type]
    agreed = [record("calibration", 4, 0.8), record("canary_baseline", 1, 0.9)]
    assert [known.load() for known in replicas.known] == [agreed] * 3


async def test_a_home_that_was_lost_gets_everything_back(
    database: Database, tmp_path: Path
) -> None:
    kept = [record("calibration", 4, 0.8), record("canary_baseline", 1, 0.9)]
    KnownRecords(tmp_path / "before").take(kept)
    for name in ("before", "after"):
        await exchange_once(database, Replicas(tmp_path / name))  # type: ignore[arg-type]
    assert KnownRecords(tmp_path / "after").load() == kept


async def test_the_manager_exchanges_from_its_start_on(
    database: Database,
    connection: asyncpg.Connection,
    make_settings: type[Settings],
) -> None:
    asked: list[tuple[str | None, object]] = []
    news = record("canary_baseline", 1, 0.9)

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.headers.get("X-Internal-Token"), await request.json()))
        return web.json_response({"records": [news.model_dump(mode="json")]})

    app = web.Application()
    app.router.add_post("/api/v1/records", answer)
    async with TestServer(app) as server, create_session() as session:
        settings = make_settings(evaluator_url=str(server.make_url("/")), internal_token="token")
        async with exchange_records(settings, database, session):
            # A second one, so that there is something to give.
            await exchange_once(database, EvaluatorClient(session, settings))
            await exchange_once(database, EvaluatorClient(session, settings))
    assert {token for token, _ in asked} == {"token"}
    assert asked[-1][1] == {"records": [news.model_dump(mode="json")]}
    assert await connection.fetchval("SELECT identity FROM selfheal.evaluator_records") == "aaaa"


async def test_without_a_token_nothing_is_exchanged(
    database: Database, make_settings: type[Settings]
) -> None:
    async with (
        create_session() as session,
        exchange_records(make_settings(), database, session),
    ):
        pass


@pytest.mark.parametrize("kind", ["calibration", "canary_baseline"])
async def test_what_is_null_in_a_record_stays(
    database: Database, tmp_path: Path, kind: str
) -> None:
    given = record(kind, 1, 0.5)
    KnownRecords(tmp_path).take([given])
    await exchange_once(database, Replicas(tmp_path))  # type: ignore[arg-type]
    await exchange_once(database, Replicas(tmp_path / "other"))  # type: ignore[arg-type]
    assert KnownRecords(tmp_path / "other").load() == [given]
