"""Runs a soak: the traffic, the events of the plan, the samples, and the count at the end."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any, Final

from benchmarks.healing.inputs import SIMULATED, read_pools
from benchmarks.healing.scenarios import PromptScenario, read_scenarios
from benchmarks.measured_system import MeasurementError
from benchmarks.open_load import Load
from benchmarks.soak.figures import count_outcomes, judge_deploy, reckon_growth
from benchmarks.soak.plan import (
    DEPLOY,
    MID_HEAL,
    OPTIMIZER,
    POSTGRES,
    Event,
    plan_events,
    take_turns,
)
from benchmarks.soak.records import SoakDatabase
from benchmarks.soak.system import SoakSystem
from services.common.errors import ServiceError
from services.manager.app.log.spool.state import measure as measure_spool

SAMPLE_SECONDS: Final = 10.0
SAMPLES_A_LINE: Final = 6
LOOK_SECONDS: Final = 0.05
HEAL_SECONDS: Final = 120.0
SETTLE_SECONDS: Final = 240.0
# A request may be refused so long after a restart, until breakers have closed.
BACK_SECONDS: Final = 10.0
# Restarts of these refuse nobody: rows are spooled, and nobody waits for a heal.
REFUSE_NOTHING: Final = (OPTIMIZER, POSTGRES)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """How a soak is run; times in seconds."""

    seconds: float
    rate: float
    deploy_every: float
    restart_every: float
    warm_up: float


@dataclass
class Soak:
    """A soak under way.

    Attributes:
        started: When the traffic began, by the monotonic clock.
        windows: When requests may be refused or broken, by that clock.
        samples: By part.
        sizes: Seconds, bytes of the database, requests acknowledged.
        problems: What should never be.
    """

    system: SoakSystem
    database: SoakDatabase
    options: Options
    prompts: dict[str, PromptScenario]
    load: Load
    progress: Progress
    started: float = 0.0
    windows: list[tuple[float, float]] = field(default_factory=list)
    deploys: list[dict[str, Any]] = field(default_factory=list)
    restarts: list[dict[str, Any]] = field(default_factory=list)
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sizes: list[tuple[float, int, int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _restarting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def now(self) -> float:
        """Seconds since the traffic began."""
        return time.monotonic() - self.started

    async def run(self, stopped: asyncio.Event) -> None:
        """Send the traffic and do what is planned until the time is over, or it is stopped."""
        options = self.options
        events = plan_events(
            options.seconds,
            deploy_every=options.deploy_every,
            restart_every=options.restart_every,
            prompts=list(self.prompts),
        )
        self.started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.load.run(stopped))
            others = [
                group.create_task(self._guard(work, stopped))
                for work in (self._do_all(events), self._sample_always())
            ]
            with suppress(TimeoutError):
                async with asyncio.timeout(options.seconds):
                    await stopped.wait()
            async with self._restarting:
                stopped.set()
                for one in others:
                    one.cancel()

    async def _guard(self, work: Coroutine[Any, Any, None], stopped: asyncio.Event) -> None:
        """End the soak where a part of it can't go on; what was measured is kept."""
        try:
            await work
        except (ServiceError, MeasurementError) as error:
            self.problems.append(f"the soak broke off: {error}")
            stopped.set()

    async def _do_all(self, events: Sequence[Event]) -> None:
        for event in events:
            await asyncio.sleep(event.at_seconds - self.now)
            if event.how == DEPLOY:
                await self._deploy(event)
            else:
                await self._restart(event)

    async def _deploy(self, event: Event) -> None:
        at = self.now
        prompt = self.prompts[event.what]
        prompt_id = await self.database.deploy(prompt.text)
        self.deploys.append(
            {"name": prompt.name, "kind": prompt.kind, "at": round(at, 1), "prompt_id": prompt_id}
        )
        self._tell(f"{prompt.name} is deployed")

    async def _restart(self, event: Event) -> None:
        missing = ""
        if event.how == MID_HEAL and not await self._until_healing():
            missing = "no heal was under way"
        async with self._restarting:
            at = time.monotonic()
            problem = await asyncio.to_thread(self.system.restart, event.what, event.how) or missing
            back = time.monotonic()
        if event.what not in REFUSE_NOTHING:
            self.windows.append((at, back + BACK_SECONDS))
        self.restarts.append(
            {
                "part": event.what,
                "how": event.how,
                "at": round(at - self.started, 1),
                "seconds": round(back - at, 2),
                "problem": problem,
            }
        )
        if problem:
            self.problems.append(f"{event.what}, {event.how}: {problem}")
        self._tell(f"{event.what}: {event.how}, back after {back - at:.1f} s {problem}".rstrip())

    async def _until_healing(self) -> bool:
        """Wait until a heal is under way; tells whether one is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAL_SECONDS):
                while not await self.database.is_healing():  # noqa: ASYNC110 - other processes
                    await asyncio.sleep(LOOK_SECONDS)
                return True
        return False

    async def _sample_always(self) -> None:
        """Sample what each part holds, and tell every minute how far it is."""
        for number in count():
            async with self._restarting:
                await self._sample()
            if number and number % SAMPLES_A_LINE == 0:
                sent, refused = len(self.load.sent), self.load.count("refused")
                acknowledged = self.load.count("acknowledged")
                self._tell(f"{sent} sent, {acknowledged} acknowledged, {refused} refused")
            await asyncio.sleep(SAMPLE_SECONDS)

    async def _sample(self) -> None:
        for name in self.system.find_dead():
            self.problems.append(f"the {name} ended by itself after {self.now / 60:.1f} min")
            await asyncio.to_thread(self.system.start, name)
        at = round(self.now, 1)
        for name, sample in (await asyncio.to_thread(self.system.sample)).items():
            self.samples.setdefault(name, []).append({"at": at, **sample})
        acknowledged = self.load.count("acknowledged")
        self.sizes.append((at, await self.database.size_bytes(), acknowledged))

    def _tell(self, message: str) -> None:
        self.progress(f"{self.now / 60:6.1f} min: {message}")

    async def settle(self) -> None:
        """Wait until no answer waits for its score, and no row for the database."""
        self._tell("the traffic has ended")
        pending = spooled = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_SECONDS):
                while True:
                    pending = await self.database.count_pending()
                    spooled = measure_spool(self.system.spool).records
                    if not pending + spooled:
                        return
                    await asyncio.sleep(1)
        self.problems.append(
            f"{SETTLE_SECONDS:g} s after the traffic {pending} answers waited for their scores and "
            f"{spooled} rows for the database"
        )

    async def count(self) -> dict[str, Any]:
        """Count what became of every request, when the traffic has ended."""
        sent = self.load.sent
        refused, refused_outside = count_outcomes(sent, "refused", self.windows)
        broken, broken_outside = count_outcomes(sent, "broken", self.windows)
        return {
            "sent": len(sent),
            **asdict(await self.database.count_landed(sent)),
            "misnamed": sum(one.outcome == "acknowledged" and not one.is_named for one in sent),
            "refused": refused,
            "refused_outside": refused_outside,
            "broken": broken,
            "broken_outside": broken_outside,
        }

    async def judge_deploys(self, ended: float) -> list[dict[str, Any]]:
        """Tell of each deploy what became of it, and whether it had the time that is planned."""
        served, outcomes = await self.database.served(), await self.database.outcomes()
        ids = [deploy["prompt_id"] for deploy in self.deploys]
        judged = []
        ends = [*(deploy["at"] for deploy in self.deploys), ended][1:]
        for deploy, end in zip(self.deploys, ends, strict=True):
            own = [one for one in outcomes if one["prompt_id"] == deploy["prompt_id"]]
            judged.append(
                {
                    **deploy,
                    **judge_deploy(served, deploy["prompt_id"], ids),
                    "canary_seconds": sum(one["canary_seconds"] for one in own),
                    "outcomes": [one["outcome"] for one in own],
                    "is_over": end - deploy["at"] >= self.options.deploy_every - SAMPLE_SECONDS,
                }
            )
        return judged


async def run_soak(system: SoakSystem, options: Options, progress: Progress) -> dict[str, Any]:
    """Run a soak on a system that was just started, and return all that was measured.

    The first Ctrl-C ends the traffic, and what was measured until then is counted.
    """
    database = SoakDatabase(system.database_url)
    prompts = take_turns(read_scenarios(await database.seed_prompt()).regressions)
    load = Load(system.settings.manager_url, options.rate, read_pools(SIMULATED).live)
    soak = Soak(system, database, options, {one.name: one for one in prompts}, load, progress)
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        progress("ending; what was measured is counted (Ctrl-C again: at once)")
        stopped.set()

    loop.add_signal_handler(signal.SIGINT, stop)
    await soak.run(stopped)
    ended = soak.now
    await soak.settle()
    counts, heals = await soak.count(), await soak.judge_deploys(ended)
    soak.problems += await asyncio.to_thread(system.end_services)
    growth = reckon_growth(soak.sizes)
    return {
        "options": asdict(options),
        "canary_steps": list(system.settings.canary_shares(is_watching=True)),
        "most_heals_a_day": system.settings.optimizer_max_heals_per_day,
        "seconds": round(ended, 1),
        "interrupted": ended < options.seconds,
        "requests": counts,
        "deploys": heals,
        "restarts": soak.restarts,
        "growth": asdict(growth) if growth else None,
        "sizes": soak.sizes,
        "samples": soak.samples,
        "leftovers": system.list_leftovers(),
        "problems": soak.problems,
    }
