"""What a fault is, and what comes of trying one."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from faults.site import RATE, NotBackError, Site

from benchmarks.open_load import SELECT_LANDED, Load, count_landed

# Development may try faults that last less long; what is committed lasts as long as issued.
SCALE: Final = float(os.environ.get("FAULT_SCALE", "1"))
BEFORE_SECONDS: Final = 2
AFTER_SECONDS: Final = 4
# Says nothing of what went wrong.
UNSTABLE_CODES: Final = ("", "internal_error")

Strike = Callable[[Site], AbstractAsyncContextManager[None]]


def no_stage(_site: Site) -> AbstractAsyncContextManager[None]:
    return nullcontext()


def nothing_lacks() -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that breaks.

    Attributes:
        name: As the matrix and pytest call it.
        strike: Breaks it on the way in, and mends it on the way out.
        seconds: How long it lasts; 0 where `strike` itself takes its time.
        stage: What is arranged before the load begins, and undone after it.
        lacks: Says what this machine lacks to try it; empty where nothing.
        cost_seconds: What it took when it was measured, to choose the cheapest by.
        refuses_nothing: Whether all requests must be served all the same.
        destroys: How many rows it makes unreadable itself, which are lost then.
    """

    name: str
    strike: Strike
    seconds: float = 15
    stage: Strike = no_stage
    lacks: Callable[[], str] = nothing_lacks
    cost_seconds: float
    refuses_nothing: bool = False
    destroys: int = 0


@dataclass
class Row:
    """A line of the matrix: counts of requests.

    Attributes:
        landed: Acknowledged requests that have their row, and at the door their conversation.
        lost: Acknowledged ones that have none.
        doubled: Requests, acknowledged or not, with more rows than one.
        unscored: Landed ones that have no score and wait for none.
        refused: Requests by status and code.
        broken: Requests that got no answer, or half of one, by the error.
        back_seconds: Time from the end of the fault to the last request that wasn't served.
        problem: Why it isn't back by itself; empty where it is.
    """

    fault: str
    acknowledged: int
    landed: int
    lost: int
    doubled: int
    unscored: int
    refused: dict[str, int]
    broken: dict[str, int] = field(default_factory=dict)
    back_seconds: float = 0
    problem: str = ""


async def try_fault(site: Site, fault: Fault) -> Row:
    """Put a fault on a system under load, wait until it is back, and count."""
    async with fault.stage(site):
        site.load = load = Load(site.url, RATE)
        stopped = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(load.run(stopped))
            try:
                await asyncio.sleep(BEFORE_SECONDS)
                async with fault.strike(site):
                    await asyncio.sleep(fault.seconds * SCALE)
                mended_at = time.monotonic()
                await asyncio.sleep(AFTER_SECONDS)
            finally:
                stopped.set()
        problem = ""
        try:
            await site.until_back()
        except NotBackError as error:
            problem = str(error)
        row = await _count(site, fault, load, mended_at)
    if problem:
        await site.mend()
    return replace(row, problem=problem)


async def _count(site: Site, fault: Fault, load: Load, mended_at: float) -> Row:
    found = await site.fetch(SELECT_LANDED, [sent.request_id for sent in load.sent])
    counts = count_landed(load.sent, found)
    return Row(
        fault=fault.name,
        **asdict(counts),
        refused=_sorted(load.codes("refused")),
        broken=_sorted(load.codes("broken")),
        back_seconds=round(load.seconds_to_be_back(mended_at), 1),
    )


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def check(row: Row, fault: Fault) -> None:
    """Fail where a promise is broken; how long anything took is none."""
    assert not row.problem, row
    assert row.acknowledged > 0
    assert row.lost <= fault.destroys, row
    assert (row.doubled, row.unscored) == (0, 0), row
    unstable = [code for code in row.refused if code.partition(" ")[2] in UNSTABLE_CODES]
    assert not unstable, row
    if fault.refuses_nothing:
        assert not row.refused, row
        assert not row.broken, row
