"""The sandbox that confines a forked process: queues runs and keeps a zygote to fork from."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Collection, Sequence

from services.evaluator.app.sandbox.host.channels import RunChannels
from services.evaluator.app.sandbox.host.zygote_process import ZygoteError, ZygoteProcess
from services.evaluator.app.sandbox.jail.protocol import RunEnded, StartRun
from services.evaluator.app.sandbox.run.execution import Availability, Execution
from services.evaluator.app.sandbox.run.limits import RunLimits
from services.evaluator.app.sandbox.run.records import read_remains, unavailable
from services.evaluator.app.sandbox.run.request import (
    SELF_TEST,
    Step,
    problem_of_self_test,
    refuse_unread,
)
from services.evaluator.app.sandbox.run.slot_pool import SlotPool

RUNS_PER_ZYGOTE = 500
# Users without an account, one for each slot. Below 65,536, since a container may have no more.
FIRST_UID = 60_000
# How long after its time is up a run may take to be told of, before its zygote is given up.
REPORT_SECONDS = 5.0
_RETRY_SECONDS = 1.0
MODULES_SETTING = "SANDBOX_MODULES"
_MODULE_ADVICE = (
    "install its package where the Evaluator's are (pip install; in a container: name it in "
    f"SANDBOX_REQUIREMENTS and build anew), or take it out of {MODULES_SETTING}"
)
_ADVICE = (
    "running code needs Linux 5.3 or newer on x86-64 or aarch64, with seccomp filters, "
    "and a user other than root or the right to become one (CAP_SETUID)"
)


class JailSandbox:
    """Runs code in a confined child process. Belongs to one event loop.

    Args:
        slots: How many runs may be under way at once; others wait in line.
        limits: What ends or cuts a run.
        runs_per_zygote: After how many runs a zygote is replaced.
        without: Names of layers to treat as missing, for tests.
        modules: Names of modules beyond the standard library that programs may import.
    """

    def __init__(
        self,
        slots: int = 16,
        *,
        limits: RunLimits | None = None,
        runs_per_zygote: int = RUNS_PER_ZYGOTE,
        without: Collection[str] = (),
        modules: Sequence[str] = (),
    ) -> None:
        self._limits = limits or RunLimits()
        self._runs_per_zygote = runs_per_zygote
        self._without = without
        self._modules = tuple(modules)
        self._uids = SlotPool(range(FIRST_UID, FIRST_UID + slots))
        self._run_ids = itertools.count(1)
        self._zygote: ZygoteProcess | None = None
        self._starting: asyncio.Task[None] | None = None
        self._zygotes: set[ZygoteProcess] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._problem = "the sandbox hasn't been started"
        self._retry_at = 0.0
        self._is_closed = False
        self._availability = Availability("none", problem=self._problem)

    @property
    def availability(self) -> Availability:
        """Whether code is run here, and behind which layers; found out by `start`."""
        return self._availability

    async def start(self) -> Availability:
        """Start a zygote and try it with the self-test; also after it was closed."""
        self._is_closed = False
        execution = await self.run(*SELF_TEST)
        if problem := problem_of_self_test(execution):
            advice = _MODULE_ADVICE if MODULES_SETTING in problem else _ADVICE
            self._availability = Availability("none", problem=f"{problem}; {advice}")
        else:
            self._availability = Availability("jail", execution.layers, modules=self._modules)
        return self._availability

    async def run(self, source: str, steps: Sequence[Step]) -> Execution:
        """Load a program and take the steps, one after the other.

        Args:
            source: The program, at most 64 KiB of UTF-8.
            steps: Each one Python expression or statement, or a run of the source as a program; at
                most 64. Where the first is such a run, loading only compiles the source.

        Returns:
            What became of the run; a failure of the sandbox is one of the outcomes.
        """
        refused = refuse_unread(source, steps)
        if refused is not None:
            return refused
        uid = await self._uids.take()
        ended: asyncio.Future[RunEnded] | None = None
        try:
            zygote = await self._current_zygote()
            order = self._order(uid)
            with contextlib.closing(
                RunChannels(source, steps, self._limits, lambda: zygote.stop(order.run_id))
            ) as channels:
                ended = zygote.begin(order, channels.passed)
                channels.close_passed()
                notice = await self._await_end(zygote, order, ended)
                channels.drain()
        except ZygoteError as error:
            return unavailable(f"the sandbox's process: {error}", len(steps))
        except OSError as error:
            return unavailable(f"the sandbox: {error.strerror}", len(steps))
        finally:
            # Only when its last user is gone: two children of one user could meet.
            if ended is None:
                self._uids.give_back(uid)
            else:
                ended.add_done_callback(lambda _: self._uids.give_back(uid))
        execution = read_remains(channels.remains(notice), len(steps), self._limits)
        self._replace_if_due(zygote, execution)
        return execution

    async def close(self) -> None:
        """End every zygote, and every run with it."""
        self._is_closed = True
        self._problem = "the sandbox is closed"
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        for zygote in list(self._zygotes):
            zygote.abandon()
        if self._background:
            await asyncio.wait(self._background)

    def _order(self, uid: int) -> StartRun:
        return StartRun(
            run_id=next(self._run_ids),
            uid=uid,
            wall_ms=self._limits.wall_ms,
            cpu_seconds=self._limits.cpu_seconds,
            memory_mib=self._limits.memory_mib,
        )

    async def _await_end(
        self, zygote: ZygoteProcess, order: StartRun, ended: asyncio.Future[RunEnded]
    ) -> RunEnded:
        """Wait until the run has ended; stop it where this is cancelled."""
        try:
            await asyncio.wait([ended], timeout=order.wall_ms / 1000 + REPORT_SECONDS)
        finally:
            if not ended.done():
                zygote.stop(order.run_id)
        if not ended.done():
            zygote.abandon()
            raise ZygoteError("it told nothing of the run")
        return ended.result()

    async def _current_zygote(self) -> ZygoteProcess:
        if self._zygote is None and not self._is_closed:
            if self._starting is None and time.monotonic() < self._retry_at:
                raise ZygoteError(self._problem)
            # Others wait for the same one, and don't want it cancelled with this run.
            await asyncio.shield(self._start_next())
        if self._zygote is None:
            raise ZygoteError(self._problem)
        return self._zygote

    def _replace_if_due(self, zygote: ZygoteProcess, execution: Execution) -> None:
        """Replace a zygote that has served long enough, or whose run ended in an odd way."""
        is_odd = execution.limit == "crash" or execution.status == "unavailable"
        is_worn = zygote.runs_begun >= self._runs_per_zygote
        is_first_notice = zygote is self._zygote and self._starting is None
        # Not at every odd run: making zygotes would be a way to keep the machine busy.
        may_be_odd = time.monotonic() >= self._retry_at
        if is_first_notice and (is_worn or (is_odd and may_be_odd)):
            self._start_next()

    def _start_next(self) -> asyncio.Task[None]:
        if self._starting is None:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            self._starting = asyncio.create_task(self._replace())
        return self._starting

    async def _replace(self) -> None:
        """Start a zygote in place of the current one, which ends with its last run."""
        try:
            zygote = await ZygoteProcess.start(
                self._on_gone, without=self._without, modules=self._modules
            )
        except ZygoteError as error:
            self._problem = str(error)
        else:
            before, self._zygote = self._zygote, zygote
            self._zygotes.add(zygote)
            if before is not None:
                before.retire()
        finally:
            self._starting = None

    def _on_gone(self, zygote: ZygoteProcess) -> None:
        self._zygotes.discard(zygote)
        task = asyncio.create_task(zygote.close())
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        if zygote is self._zygote:
            self._zygote = None
            self._problem = "it ended"
            if not self._is_closed and time.monotonic() >= self._retry_at:
                self._start_next()
