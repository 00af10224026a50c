"""Tells people what happened, as a JSON message to the webhook of their choice."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

import aiohttp
import asyncpg

from services.common.config import OptimizerSettings
from services.common.logging import get_logger
from services.common.record.outcomes import CANARY, HELD, PROPOSED, ROLLED_BACK
from services.common.text import make_printable_line
from services.optimizer.app.services.diagnosis.incident import NO_REPAIR
from services.optimizer.app.services.telling.notices import claim_notice, release_notice

SYSTEM: Final = "self-healing-agent-system"
DEFAULT_TASK_TYPE: Final = "code_generation"
# Events beside the decisions of runs.
HEALED = "healed"
EVALUATOR_DOWN, EVALUATOR_CHANGED = "evaluator_down", "evaluator_changed"
EVALUATOR_DEGRADED: Final = "evaluator_degraded"
HEALING_FAILED: Final = "healing_failed"
# A person wants to see whether messages arrive.
TEST: Final = "test"

TIMEOUT_SECONDS: Final = 5.0
ATTEMPTS: Final = 2
QUIET_SECONDS: Final = 3600.0
MAX_WORDS: Final = 160
# States that last: the continuous mode meets them again at every look.
LASTING: Final = frozenset(
    {HELD, EVALUATOR_DOWN, EVALUATOR_DEGRADED, EVALUATOR_CHANGED, HEALING_FAILED}
)

HTTP_ACCEPTED: Final = range(200, 300)
HTTP_TOO_MANY: Final = 429
HTTP_SERVER_ERROR: Final = 500

log = get_logger()


@dataclass(frozen=True, slots=True)
class Notification:
    """What happened to a task type's prompt; codes and numbers, never what anyone wrote.

    Attributes:
        event: `healed`, `proposed`, `canary`, `held`, `rolled_back`, `evaluator_down`,
            `evaluator_degraded`, `evaluator_changed`, `healing_failed` or `test`.
        task_type: Empty where it concerns all.
        before_version: Version that served before, where another serves now; of a proposal, the
            version that it would replace.
        run_id: Id of the run's row, and of `selfheal reports show`.
        pairs: Inputs on which the gate ran both texts.
        prompt_digest: Tells prompts apart, since a version can be used again; not sent.
        requested_by: The person who asked for a test message.
    """

    event: str
    task_type: str
    version: int | None = None
    before_version: int | None = None
    fault: str = ""
    reason: str = ""
    run_id: str = ""
    report_id: int | None = None
    pairs: int = 0
    passed_before: int | None = None
    passed_after: int | None = None
    prompt_digest: str = ""
    requested_by: str = ""


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
        key = _identify(notification)
        digest = sha256(repr(key).encode()).hexdigest()
        topic = f"{notification.event} {notification.task_type} {digest[:16]}"
        if notification.event in LASTING and (
            self._was_told(key) or not await claim_notice(connection, topic, digest)
        ):
            return
        if code := await self.deliver(notification):
            if notification.event in LASTING:
                await release_notice(connection, topic)
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
        "system": SYSTEM,
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
    }


def compose_text(notification: Notification) -> str:
    """Compose one line for people: what happened, why, and what to do about it."""
    return f"{_words(notification.task_type)}{_TELLERS[notification.event](notification)}"


def _tell_healed(it: Notification) -> str:
    replaced = f"version {_version(it.version)} replaced {_version(it.before_version)}"
    return f" healed: {replaced}{_fault(it)}{_rates(it)}.{_undo(it)}"


def _tell_proposed(it: Notification) -> str:
    failing = _version(it.version if it.before_version is None else it.before_version)
    answer = f"selfheal prompts approve {it.run_id[:8]}".rstrip()
    return (
        f": a repair of version {failing} is proven and waits for you{_fault(it)}{_rates(it)}. "
        f"Answer: {answer}"
    )


def _tell_canary(it: Notification) -> str:
    return (
        f": a repair of version {_version(it.version)} is proven and serves a share of the traffic "
        f"first{_fault(it)}{_rates(it)}. See: selfheal canary list"
    )


def _tell_held(it: Notification) -> str:
    if it.reason == NO_REPAIR:
        return (
            f": no repair found for version {_version(it.version)}, and no further heal begins by "
            f"itself; a person has to act.{_look(it)}"
        )
    reason = _code_words(it.reason) or "no reason given"
    fault = _fault(it)
    why = "" if fault and it.reason == f"{it.fault}_at_fault" else f"; {reason}"
    return f" held: version {_version(it.version)} stays{fault}{why}.{_look(it)}"


def _tell_rolled_back(it: Notification) -> str:
    return (
        f" rolled back: version {_version(it.before_version)} did worse in live traffic than the "
        f"one before it, whose text serves again as version {_version(it.version)}.{_undo(it)}"
    )


def _tell_evaluator_degraded(it: Notification) -> str:
    leaning = {"lenient": "lets wrong answers pass that it", "harsh": "fails right answers that it"}
    wrong = leaning.get(it.reason)
    how = f"{wrong} didn't before" if wrong else "judges otherwise than it did"
    return _tell_evaluator(it, f"{how}; nothing is repaired")


def _tell_evaluator_down(it: Notification) -> str:
    return _tell_evaluator(it, "gives no scores; nothing is repaired until it does")


def _tell_evaluator_changed(it: Notification) -> str:
    return _tell_evaluator(it, "was changed, and scores fell with that; no prompt is repaired")


def _tell_evaluator(it: Notification, what: str) -> str:
    look = _look(it) or " See: selfheal logs --service evaluator"
    return f"{': the' if it.task_type else 'The'} Evaluator {what}.{look}"


def _tell_healing_failed(it: Notification) -> str:
    look = _look(it) or " See: selfheal status"
    reason = _code_words(it.reason)
    why = f" ({reason})" if reason else ""
    return f": healing failed{why}; version {_version(it.version)} stays.{look}"


def _tell_test(it: Notification) -> str:
    return f"A test message, asked for by {_words(it.requested_by)}: messages arrive here."


_TELLERS: Final[dict[str, Callable[[Notification], str]]] = {
    HEALED: _tell_healed,
    PROPOSED: _tell_proposed,
    CANARY: _tell_canary,
    HELD: _tell_held,
    ROLLED_BACK: _tell_rolled_back,
    EVALUATOR_DOWN: _tell_evaluator_down,
    EVALUATOR_DEGRADED: _tell_evaluator_degraded,
    EVALUATOR_CHANGED: _tell_evaluator_changed,
    HEALING_FAILED: _tell_healing_failed,
    TEST: _tell_test,
}


def _identify(notification: Notification) -> tuple[object, ...]:
    prompt = notification.prompt_digest or notification.version
    return (notification.event, notification.task_type, prompt, notification.reason)


def _version(version: int | None) -> str:
    return "?" if version is None else str(version)


def _undo(it: Notification) -> str:
    if it.before_version is None:
        return _look(it)
    task_type = _words(it.task_type)
    option = "" if task_type == DEFAULT_TASK_TYPE else f" -t {task_type}"
    undo = f" Undo: selfheal prompts activate {it.before_version}{option}"
    return f"{undo}; see: {_look_command(it)}" if it.run_id else undo


def _look(it: Notification) -> str:
    return f" See: {_look_command(it)}" if it.run_id else ""


def _look_command(it: Notification) -> str:
    return f"selfheal reports show {it.run_id[:8]}"


def _fault(it: Notification) -> str:
    fault = _code_words(it.fault)
    if not fault or fault == "unknown":
        return ""
    return f" ({fault})" if fault == "drift" else f" ({fault} at fault)"


def _rates(it: Notification) -> str:
    before, after = it.passed_before, it.passed_after
    if before is None or after is None or not it.pairs:
        return ""
    return f"; passes on {it.pairs} replayed inputs {before} -> {after}"


def _code_words(code: str) -> str:
    """Turn a code into words."""
    return _words(code).replace("_", " ")


def _words(text: str) -> str:
    """Put a name on one line: leave out what can't be seen, cut what is long."""
    line = make_printable_line(text)
    return line if len(line) <= MAX_WORDS else line[: MAX_WORDS - 1] + "…"
