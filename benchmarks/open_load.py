"""An open-loop load through both doors, and what became of it in the log.

A request goes out when its time has come, whatever became of those before it.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
DOOR_ID = "chatcmpl-"
SELECT_LANDED = """
    SELECT l.request_id, count(*) AS rows, count(c.execution_id) AS conversations,
           bool_and(l.evaluation_passed IS NOT NULL) AS scored
    FROM execution_logs AS l LEFT JOIN selfheal.conversations AS c ON c.execution_id = l.id
    WHERE l.request_id = ANY($1) GROUP BY l.request_id
"""


@dataclass(slots=True)
class Sent:
    """A request, and what became of it.

    Attributes:
        due_at: When it was to be sent, by the monotonic clock.
        ended_at: When its answer was whole, or it was known that there is none.
        code: Status and code of what refused it, or the name of the error that it broke with.
        told_id: The id in its answer.
    """

    way: Way
    text: str = TEXT
    request_id: UUID = field(default_factory=uuid4)
    due_at: float = 0
    ended_at: float = 0
    outcome: Outcome = "broken"
    code: str = ""
    told_id: str = ""

    @property
    def is_named(self) -> bool:
        """Tell whether its answer says the id that it was sent with."""
        return self.told_id in (str(self.request_id), DOOR_ID + self.request_id.hex)


@dataclass(frozen=True, slots=True)
class Landed:
    """Counts of requests, by what the log has of them.

    Attributes:
        landed: Acknowledged ones that have their row, and at the door their conversation.
        lost: Acknowledged ones that have none.
        doubled: Requests, acknowledged or not, with more rows than one.
        unscored: Landed ones without a score.
    """

    acknowledged: int
    landed: int
    lost: int
    doubled: int
    unscored: int


def count_landed(sent: Iterable[Sent], found: Iterable[Mapping[str, Any]]) -> Landed:
    """Count what became of requests, from what `SELECT_LANDED` found of their ids."""
    rows = {row["request_id"]: row for row in found}
    acknowledged = [one for one in sent if one.outcome == "acknowledged"]
    landed = [
        one
        for one in acknowledged
        if one.request_id in rows
        and rows[one.request_id]["conversations"] == (0 if one.way == "guide" else 1)
    ]
    return Landed(
        acknowledged=len(acknowledged),
        landed=len(landed),
        lost=len(acknowledged) - len(landed),
        doubled=sum(row["rows"] > 1 for row in rows.values()),
        unscored=sum(not rows[one.request_id]["scored"] for one in landed),
    )


@dataclass
class Load:
    """Sends requests at a rate until it is told to stop.

    Attributes:
        url: Where the Manager is reached.
        rate: Requests a second; it may change meanwhile.
        texts: What is asked, in turns: each through every way before the next.
        sent: Every request.
    """

    url: str
    rate: float
    texts: Sequence[str] = (TEXT,)
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
                turn, way = divmod(len(self.sent), len(WAYS))
                sent = Sent(WAYS[way], self.texts[turn % len(self.texts)], due_at=due)
                self.sent.append(sent)
                senders.create_task(ask(session, self.url, sent))
                due += 1 / self.rate
                await asyncio.sleep(due - time.monotonic())

    def count(self, outcome: Outcome) -> int:
        """Count the requests of an outcome."""
        return sum(sent.outcome == outcome for sent in self.sent)

    def codes(self, outcome: Outcome) -> Counter[str]:
        """Count the requests of an outcome by their codes."""
        return Counter(sent.code for sent in self.sent if sent.outcome == outcome)

    def seconds_to_be_back(self, since: float) -> float:
        """Return the time from a moment to the last request that had no answer, 0 if all had."""
        later = [one.due_at - since for one in self.sent if one.outcome != "acknowledged"]
        return max([0.0, *later])


async def ask(session: aiohttp.ClientSession, url: str, sent: Sent) -> None:
    """Send a request, and note what became of it."""
    await _ask(session, url, sent)
    sent.ended_at = time.monotonic()


async def _ask(session: aiohttp.ClientSession, url: str, sent: Sent) -> None:
    path, body = _write(sent)
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
        first = content.partition(b"\n\n")[0].removeprefix(b"data: ")
        told = _read_object(first if sent.way == "stream" else content)
        sent.told_id = str(told.get("request_id") or told.get("id") or "")
    else:
        # Whoever reads a stream is told in its last event why it ends here.
        last = content.rstrip().rpartition(b"data: ")[2]
        code = _read_code(last)
        sent.code = f"stream {code}"
        sent.outcome = "refused" if code else "broken"


def _write(sent: Sent) -> tuple[str, dict[str, Any]]:
    if sent.way == "guide":
        return "/api/v1/request", {"user_input": sent.text, "task_type": TASK_TYPE}
    messages = [{"role": "user", "content": sent.text}]
    body = {"model": TASK_TYPE, "messages": messages, "stream": sent.way == "stream"}
    return "/v1/chat/completions", body


def _read_code(content: bytes) -> str:
    told = _read_object(content)
    return str(told.get("error", told).get("code") or "")


def _read_object(content: bytes) -> dict[str, Any]:
    try:
        told = json.loads(content)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
