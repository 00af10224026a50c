"""Two Optimizers, and one that was restarted: people hear of what lasts once an hour."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from services.common.config import Settings
from services.common.database import connect
from services.optimizer.app.services.telling.notices import claim_notice, release_notice
from services.optimizer.app.services.telling.notification import Notification
from services.optimizer.app.services.telling.webhook import WebhookNotifier

HELD = Notification("held", "code_generation", version=99, reason="no_better_candidate")
AGE = "UPDATE selfheal.notices SET told_at = told_at - $1::interval"


class Posted(WebhookNotifier):
    """Posts to nowhere."""

    def __init__(self, *codes: str) -> None:
        super().__init__("https://hooks.example.com", None)  # type: ignore[arg-type]
        self.codes = list(codes)
        self.posted = 0

    async def deliver(self, notification: Notification) -> str:
        self.posted += 1
        await asyncio.sleep(0)
        return self.codes.pop(0) if self.codes else ""


async def test_of_two_who_look_at_once_one_tells(database_url: str) -> None:
    one, other = Posted(), Posted()
    async with (
        connect(database_url, timeout_seconds=5) as first,
        connect(database_url, timeout_seconds=5) as second,
    ):
        for _ in range(3):
            await asyncio.gather(one.notify(HELD, first), other.notify(HELD, second))
    assert one.posted + other.posted == 1


async def test_it_is_told_again_after_an_hour_also_by_one_that_was_restarted(
    database_url: str, connection: asyncpg.Connection
) -> None:
    async with connect(database_url, timeout_seconds=5) as own:
        for age, told in ((0, 1), (59, 0), (2, 1), (10, 0)):
            await connection.execute(AGE, timedelta(minutes=age))
            restarted = Posted()
            await restarted.notify(HELD, own)
            assert restarted.posted == told, age
        await connection.execute(AGE, timedelta(days=3))
        assert await claim_notice(own, "another", "digest")
    topics = await connection.fetch("SELECT topic FROM selfheal.notices")
    assert [row["topic"] for row in topics] == ["another"]


async def test_what_waits_is_told_once_a_day(
    database_url: str, connection: asyncpg.Connection
) -> None:
    waits = Notification("watch_waits", "code_generation", version=99)
    async with connect(database_url, timeout_seconds=5) as own:
        for hours, told in ((0, 1), (23, 0), (2, 1)):
            await connection.execute(AGE, timedelta(hours=hours))
            restarted = Posted()
            await restarted.notify(waits, own)
            assert restarted.posted == told, hours


async def test_what_reached_nobody_is_told_by_the_next(database_url: str) -> None:
    failing, other = Posted("http_404"), Posted()
    async with connect(database_url, timeout_seconds=5) as own:
        await failing.notify(HELD, own)
        await other.notify(HELD, own)
    assert (failing.posted, other.posted) == (1, 1)


async def test_what_happened_once_is_told_by_who_did_it(database_url: str) -> None:
    healed = Notification("healed", "code_generation", version=100, before_version=99)
    one, other = Posted(), Posted()
    async with connect(database_url, timeout_seconds=5) as own:
        for notifier in (one, one, other):
            await notifier.notify(healed, own)
    assert (one.posted, other.posted) == (2, 1)


@pytest.mark.parametrize("is_closed", [True, False])
async def test_without_the_database_it_is_told_and_remembered_here(
    database_url: str, make_settings: type[Settings], is_closed: bool
) -> None:
    notifier = Posted()
    async with connect(database_url, timeout_seconds=5) as own:
        if is_closed:
            await own.close()
        else:
            await own.execute("SET default_transaction_read_only = on")
        for _ in range(2):
            await notifier.notify(HELD, own)
        await release_notice(own, "any")
    assert notifier.posted == 1


async def test_what_an_optimizer_was_stopped_at_telling_is_told_by_the_next(
    database_url: str,
) -> None:
    class Stopped(Posted):
        async def deliver(self, notification: Notification) -> str:
            raise asyncio.CancelledError

    async with connect(database_url, timeout_seconds=5) as own:
        [outcome] = await asyncio.gather(Stopped("").notify(HELD, own), return_exceptions=True)
        assert isinstance(outcome, asyncio.CancelledError)
        restarted = Posted()
        await restarted.notify(HELD, own)
    assert restarted.posted == 1
