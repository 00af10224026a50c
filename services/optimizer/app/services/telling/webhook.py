"""Posts notifications as JSON to the webhook of people's choice."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import aiohttp
import asyncpg

from services.common.config import OptimizerSettings
from services.common.logging import get_logger
from services.optimizer.app.services.telling.notices import claim_notice, release_notice
from services.optimizer.app.services.telling.notification import LASTING, Notification
from services.optimizer.app.services.telling.wording import compose_text

SYSTEM: Final = "self-healing-agent-system"
TIMEOUT_SECONDS: Final = 5.0
ATTEMPTS: Final = 2
QUIET_SECONDS: Final = 3600.0

HTTP_ACCEPTED: Final = range(200, 300)
HTTP_TOO_MANY: Final = 429
HTTP_SERVER_ERROR: Final = 500

log = get_logger()


class WebhookNotifier:
    """Posts to a webhook; never fails. Its URL is a secret: no error of the client's is logged.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        url: str,
        session: aiohttp.ClientSession,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._clock = clock
        self._told: dict[tuple[object, ...], float] = {}

    async def notify(self, notification: Notification, connection: asyncpg.Connection) -> None:
        """Post the message, unless the same was sent within the hour; only log a failure.

        Args:
            connection: Where all Optimizers see what was told.
        """
        key = notification.identity
        digest = sha256(repr(key).encode()).hexdigest()
        topic = f"{notification.event} {notification.task_type} {digest[:16]}"
        if notification.event in LASTING and (
            self._was_told(key)
            or not await claim_notice(connection, topic, digest, LASTING[notification.event])
        ):
            return
        code = "not_delivered"  # as where the Optimizer is stopped
        try:
            code = await self.deliver(notification)
        finally:
            if code and notification.event in LASTING:
                await release_notice(connection, topic)
        if code:
            log.warning(
                "notification_failed",
                about=notification.event,
                task_type=notification.task_type,
                code=code,
            )
            return
        self._told[key] = self._clock()
        log.info("notification_sent", about=notification.event, task_type=notification.task_type)

    async def deliver(self, notification: Notification) -> str:
        """Post the message; tell what went wrong as a code, empty if nothing did."""
        message = compose_message(notification, now=datetime.now(UTC))
        code = ""
        for _ in range(ATTEMPTS):
            code, is_final = await self._post(message)
            if is_final:
                break
        return code

    def _was_told(self, key: tuple[object, ...]) -> bool:
        since = self._clock() - QUIET_SECONDS
        self._told = {known: told for known, told in self._told.items() if told > since}
        return key in self._told

    async def _post(self, message: dict[str, Any]) -> tuple[str, bool]:
        """Try once; return what went wrong, empty if nothing did, and whether that is final."""
        try:
            async with self._session.post(
                self._url, json=message, timeout=self._timeout, allow_redirects=False
            ) as response:
                status = response.status
        except TimeoutError:
            return "timeout", False
        except (aiohttp.NonHttpUrlClientError, ValueError):  # InvalidURL is a ValueError
            return "invalid_url", True
        except (aiohttp.ClientError, OSError):
            return "unreachable", False
        if status in HTTP_ACCEPTED:
            return "", True
        return f"http_{status}", status < HTTP_SERVER_ERROR and status != HTTP_TOO_MANY


def create_notifier(
    settings: OptimizerSettings, session: aiohttp.ClientSession
) -> WebhookNotifier | None:
    """Make the notifier of NOTIFY_WEBHOOK_URL; None where that is unset."""
    secret = settings.notify_webhook_url
    url = secret.get_secret_value().strip() if secret else ""
    return WebhookNotifier(url, session) if url else None


def compose_message(notification: Notification, *, now: datetime) -> dict[str, Any]:
    """Compose the JSON that is sent; `text` is what chat tools show."""
    return {
        "text": compose_text(notification),
        "event": notification.event,
        "task_type": notification.task_type,
        "version": notification.version,
        "before_version": notification.before_version,
        "verdict": notification.fault,
        "reason": notification.reason,
        "run_id": notification.run_id,
        "report_id": notification.report_id,
        "share": notification.share,
        "system": SYSTEM,
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
    }
