"""An open-loop load through both doors: a request goes out when its time has come."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID, uuid4

import aiohttp

Way = Literal["guide", "door", "stream"]
Outcome = Literal["acknowledged", "refused", "broken"]
WAYS: tuple[Way, ...] = ("guide", "door", "stream")
TASK_TYPE = "code_generation"
TEXT = "Write a function to sort a list of integers"
PATIENCE_SECONDS = 100
OK = 200
DONE = b"data: [DONE]\n\n"


@dataclass(slots=True)
class Sent:
    """A request, and what became of it.

    Attributes:
        due_at: When it was to be sent, by the monotonic clock.
        code: Status and code of what refused it, or the name of the error that it broke with.
    """

    way: Way
    request_id: UUID = field(default_factory=uuid4)
    due_at: float = 0
    outcome: Outcome = "broken"
    code: str = ""


@dataclass
class Load:
    """Sends requests at a rate until it is told to stop.

    Attributes:
        url: Where the Manager is reached.
        rate: Requests a second; it may change meanwhile.
        sent: Every request.
    """

    url: str
    rate: float
    sent: list[Sent] = field(default_factory=list)

    async def run(self, stopped: asyncio.Event) -> None:
        """Send until it is stopped, and wait for the answers."""
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            asyncio.TaskGroup() as senders,
        ):
            due = time.monotonic()
            while not stopped.is_set():
                sent = Sent(WAYS[len(self.sent) % len(WAYS)], due_at=due)
                self.sent.append(sent)
                senders.create_task(ask(session, self.url, sent))
                due += 1 / self.rate
                await asyncio.sleep(due - time.monotonic())

    def count(self, outcome: Outcome) -> int:
        return sum(sent.outcome == outcome for sent in self.sent)

    def codes(self, outcome: Outcome) -> Counter[str]:
        return Counter(sent.code for sent in self.sent if sent.outcome == outcome)

    def seconds_to_be_back(self, since: float) -> float:
        """Return the time from a moment to the last request that had no answer, 0 if all had."""
        later = [one.due_at - since for one in self.sent if one.outcome != "acknowledged"]
        return max([0.0, *later])


async def ask(session: aiohttp.ClientSession, url: str, sent: Sent) -> None:
    """Send a request, and note what became of it."""
    path, body = _write(sent.way)
    headers = {"X-Request-ID": str(sent.request_id)}
    try:
        async with session.post(url + path, json=body, headers=headers) as response:
            content = await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        sent.code = type(error).__name__
        return
    if response.status != OK:
        sent.outcome, sent.code = "refused", f"{response.status} {_read_code(content)}"
    elif sent.way != "stream" or content.endswith(DONE):
        sent.outcome = "acknowledged"
    else:
        # Whoever reads a stream is told in its last event why it ends here.
        last = content.rstrip().rpartition(b"data: ")[2]
        code = _read_code(last)
        sent.code = f"stream {code}"
        sent.outcome = "refused" if code else "broken"


def _write(way: Way) -> tuple[str, dict[str, Any]]:
    if way == "guide":
        return "/api/v1/request", {"user_input": TEXT, "task_type": TASK_TYPE}
    messages = [{"role": "user", "content": TEXT}]
    body = {"model": TASK_TYPE, "messages": messages, "stream": way == "stream"}
    return "/v1/chat/completions", body


def _read_code(content: bytes) -> str:
    try:
        told = json.loads(content)
    except ValueError:
        return ""
    if not isinstance(told, dict):
        return ""
    return str(told.get("error", told).get("code") or "")
