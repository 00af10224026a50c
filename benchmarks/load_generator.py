"""Sends requests to the Manager over a fixed number of connections, and times each.

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
HTTP_OK = 200


@dataclass(slots=True)
class Load:
    """Measurements of a run of the load generator.

    Attributes:
        latencies_ms: One a request that was answered with 200.
        failures: Requests that got another answer.
        seconds: How long the run took.
        cpu_seconds: What the generator itself spent meanwhile.
        process_cpu_seconds: What its process spent in all, its start included.
        last_answer: The last JSON body, to see who answered.
    """

    latencies_ms: list[float] = field(default_factory=list)
    failures: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    process_cpu_seconds: float = 0.0
    last_answer: str = ""


async def _send_until(
    deadline: float, session: aiohttp.ClientSession, url: str, load: Load
) -> None:
    """Send over one connection, each request after the answer to the last one."""
    while (started := time.perf_counter()) < deadline:
        async with session.post(url, data=BODY, headers=HEADERS) as response:
            answer = await response.read()
        if response.status == HTTP_OK:
            load.latencies_ms.append((time.perf_counter() - started) * 1000)
        else:
            load.failures += 1
        load.last_answer = answer.decode()


async def generate(url: str, *, connections: int, seconds: float) -> Load:
    """Keep `connections` requests under way for `seconds`."""
    load = Load()
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        started, cpu_before = time.perf_counter(), time.process_time()
        deadline = started + seconds
        async with asyncio.TaskGroup() as senders:
            for _ in range(connections):
                senders.create_task(_send_until(deadline, session, url, load))
        load.seconds = time.perf_counter() - started
        load.cpu_seconds = time.process_time() - cpu_before
    return load


def main() -> None:
    """Generate load from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="the Manager's /api/v1/request")
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    load = uvloop.run(
        generate(options.url, connections=options.connections, seconds=options.seconds)
    )
    load.process_cpu_seconds = time.process_time()
    json.dump(asdict(load), sys.stdout)


if __name__ == "__main__":
    main()
