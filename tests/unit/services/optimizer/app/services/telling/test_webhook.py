"""To whom a message goes, when, and that the URL stays a secret."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import AsyncMock

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs
from support.notifications import HEALED, HELD

from services.common.config import Settings
from services.common.http import create_session
from services.optimizer.app.services.telling.webhook import (
    WebhookNotifier,
    compose_message,
    create_notifier,
)

# A database in which no other Optimizer has told anything.
ALONE = AsyncMock()
NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
SECRET = "T0PS3CR3T"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Webhook:
    """A chat tool that notes what it is told.

    Attributes:
        statuses: What it answers, in turn; then 200.
    """

    statuses: list[int] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    hangs: bool = False
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        self.told.append(await request.json())
        if self.hangs:
            await asyncio.Event().wait()
        status = self.statuses.pop(0) if self.statuses else 200
        headers = {"Location": "/elsewhere"} if status == 302 else {}
        return web.Response(status=status, headers=headers)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with create_session() as session:
        yield session


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    webhook = Webhook()
    app = web.Application()
    app.router.add_post(f"/{SECRET}", webhook.take)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(app, shutdown_timeout=0))
        webhook.url = str(server.make_url(f"/{SECRET}"))
        yield webhook


async def test_the_message_says_what_happened_in_fields_and_in_a_line(
    webhook: Webhook, session: aiohttp.ClientSession
) -> None:
    with capture_logs() as logs:
        await WebhookNotifier(webhook.url, session).notify(HEALED, ALONE)
    [told] = webhook.told
    assert datetime.fromisoformat(told.pop("at")).tzinfo is not None
    assert told == {
        "text": "code_generation healed: version 100 replaced 99 (prompt at fault); passes on "
        "6 replayed inputs 0 -> 6. Undo: selfheal prompts activate 99; see: selfheal reports "
        "show 3f2c9a71",
        "event": "healed",
        "task_type": "code_generation",
        "version": 100,
        "before_version": 99,
        "verdict": "prompt",
        "reason": "better",
        "run_id": "3f2c9a71-0000-4000-8000-000000000000",
        "report_id": 7,
        "share": None,
        "system": "self-healing-agent-system",
    }
    assert [entry["event"] for entry in logs] == ["notification_sent"]
    assert SECRET not in str(logs)


def test_the_time_is_that_of_sending() -> None:
    assert compose_message(HELD, now=NOW)["at"] == "2026-11-26T03:00:00+00:00"
    assert json.dumps(compose_message(HELD, now=NOW))


@pytest.mark.parametrize(
    ("statuses", "tries", "events"),
    [
        ([500], 2, ["notification_sent"]),
        ([429, 204], 2, ["notification_sent"]),
        ([503, 503], 2, ["notification_failed"]),
        ([404], 1, ["notification_failed"]),
        ([302], 1, ["notification_failed"]),
    ],
)
async def test_it_is_tried_twice_where_that_may_help(
    webhook: Webhook,
    session: aiohttp.ClientSession,
    statuses: list[int],
    tries: int,
    events: list[str],
) -> None:
    webhook.statuses = list(statuses)
    with capture_logs() as logs:
        await WebhookNotifier(webhook.url, session).notify(HEALED, ALONE)
    assert len(webhook.told) == tries
    assert [entry["event"] for entry in logs] == events
    if events == ["notification_failed"]:
        assert logs[0]["code"] == f"http_{statuses[-1]}"


async def test_a_webhook_that_hangs_is_given_up(
    webhook: Webhook, session: aiohttp.ClientSession
) -> None:
    webhook.hangs = True
    with capture_logs() as logs:
        await WebhookNotifier(webhook.url, session, timeout_seconds=0.05).notify(HEALED, ALONE)
    assert [(entry["event"], entry["code"]) for entry in logs] == [
        ("notification_failed", "timeout")
    ]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (f"http://127.0.0.1:1/{SECRET}", "unreachable"),
        (f"nonsense {SECRET}", "invalid_url"),
        (f"ftp://127.0.0.1/{SECRET}", "invalid_url"),
        (f"http://[{SECRET}", "invalid_url"),
        (f"http:///{SECRET}", "invalid_url"),
    ],
)
async def test_a_url_that_leads_nowhere_is_a_code_and_never_shown(
    session: aiohttp.ClientSession, url: str, code: str
) -> None:
    with capture_logs() as logs:
        await WebhookNotifier(url, session).notify(HEALED, ALONE)
    assert [(entry["event"], entry["code"]) for entry in logs] == [("notification_failed", code)]
    assert SECRET not in str(logs)


async def test_what_lasts_is_told_once_an_hour(
    webhook: Webhook, session: aiohttp.ClientSession
) -> None:
    seconds = 0.0
    notifier = WebhookNotifier(webhook.url, session, clock=lambda: seconds)
    others = [
        replace(HELD, reason="too_few_inputs"),
        replace(HELD, version=100),
        replace(HELD, prompt_digest="another text, the same number"),
        replace(HELD, task_type="letters"),
    ]
    for notification in (HELD, HELD, *others, *others, HEALED, HEALED):
        await notifier.notify(notification, ALONE)
    assert len(webhook.told) == 1 + len(others) + 2
    seconds = 3_599
    await notifier.notify(HELD, ALONE)
    assert len(webhook.told) == 1 + len(others) + 2
    seconds = 3_601
    await notifier.notify(HELD, ALONE)
    assert len(webhook.told) == 2 + len(others) + 2


async def test_what_could_not_be_told_is_told_the_next_time(
    webhook: Webhook, session: aiohttp.ClientSession
) -> None:
    webhook.statuses = [404]
    notifier = WebhookNotifier(webhook.url, session)
    for _ in range(3):
        await notifier.notify(HELD, ALONE)
    assert len(webhook.told) == 2


async def test_without_a_url_nobody_is_told(session: aiohttp.ClientSession) -> None:
    for url in (None, "", " "):
        assert create_notifier(Settings(notify_webhook_url=url), session) is None
    url = "https://hooks.example.com/x"
    assert isinstance(create_notifier(Settings(notify_webhook_url=url), session), WebhookNotifier)
