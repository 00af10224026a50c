"""Sends requests over a fixed number of connections, or at a fixed rate, and times each.

At a rate, a request is sent when its time has come whatever became of those before it, and is
timed from then: what is too slow shows as a queue, and not as fewer requests.

A process of its own, so that its CPU is told apart from that of what it measures. Run as
`python -m benchmarks.load_generator --url URL --connections 16 --seconds 5`; prints JSON.
"""

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass, field

import aiohttp
import uvloop

BODY = json.dumps(
    {"user_input": "Write a function to sort a list of integers", "task_type": "code_generation"}
).encode()
HEADERS = {"Content-Type": "application/json"}
EVENT_START = b"data: {"
HTTP_OK = 200
HTTP_UNAVAILABLE = 503


@dataclass(slots=True)
class Load:
    """Measurements of a run of the load generator.

    Attributes:
        latencies_ms: One a request that was answered with 200.
        first_ms: The same until the first bytes of the answer.
        bytes_received: Size of all answers.
        events: How many events the answers held, where they were streams.
        late_ms: How late each request of an open loop was sent: what of its time is the
            generator's own.
        refused_ms: One a request that was refused for now: 503 with Retry-After.
        failures: Requests that got another answer.
        seconds: How long the run took.
        cpu_seconds: What the generator itself spent meanwhile.
        process_cpu_seconds: What its process spent in all, its start included.
        last_answer: The last JSON body, to see who answered.
    """

    latencies_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    bytes_received: int = 0
    events: int = 0
    late_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    failures: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    process_cpu_seconds: float = 0.0
    last_answer: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, again and again."""

    session: aiohttp.ClientSession
    url: str
    body: bytes

    async def send(self, started: float, load: Load) -> None:
        """Send it once, and note when its answer began and ended."""
        try:
            async with self.session.post(self.url, data=self.body, headers=HEADERS) as response:
                answer = await response.content.readany()
                first = time.perf_counter()
                answer += await response.read()
        except aiohttp.ClientError as error:
            load.failures += 1
            load.last_answer = repr(error)
            return
        if response.status == HTTP_OK:
            load.first_ms.append((first - started) * 1000)
            load.latencies_ms.append((time.perf_counter() - started) * 1000)
        elif response.status == HTTP_UNAVAILABLE and "Retry-After" in response.headers:
            load.refused_ms.append((time.perf_counter() - started) * 1000)
        else:
            load.failures += 1
        load.bytes_received += len(answer)
        load.events += answer.count(EVENT_START)
        load.last_answer = answer.decode()


async def _send_until(deadline: float, request: Request, load: Load) -> None:
    """Send over one connection, each request after the answer to the last one."""
    while (started := time.perf_counter()) < deadline:
        await request.send(started, load)


async def _send_at_rate(rate: float, seconds: float, request: Request, load: Load) -> None:
    """Send each request when its time has come."""
    started = time.perf_counter()
    async with asyncio.TaskGroup() as senders:
        for number in range(round(rate * seconds)):
            due = started + number / rate
            await asyncio.sleep(due - time.perf_counter())
            load.late_ms.append((time.perf_counter() - due) * 1000)
            senders.create_task(request.send(due, load))


async def generate(
    url: str, *, connections: int, seconds: float, body: bytes = BODY, rate: float = 0
) -> Load:
    """Keep `connections` requests under way for `seconds`, or send `rate` of them a second."""
    load = Load()
    connector = aiohttp.TCPConnector(limit=0 if rate else connections)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        request = Request(session, url, body)
        started, cpu_before = time.perf_counter(), time.process_time()
        if rate:
            await _send_at_rate(rate, seconds, request, load)
        else:
            async with asyncio.TaskGroup() as senders:
                for _ in range(connections):
                    senders.create_task(_send_until(started + seconds, request, load))
        load.seconds = time.perf_counter() - started
        load.cpu_seconds = time.process_time() - cpu_before
    return load


def main() -> None:
    """Generate load from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="where requests are sent")
    parser.add_argument("--body", help="JSON; default: a request of the guide's route")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0, help="requests a second, in its place")
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    load = uvloop.run(
        generate(
            options.url,
            connections=options.connections,
            seconds=options.seconds,
            body=options.body.encode() if options.body else BODY,
            rate=options.rate,
        )
    )
    load.process_cpu_seconds = time.process_time()
    json.dump(asdict(load), sys.stdout)


if __name__ == "__main__":
    main()
