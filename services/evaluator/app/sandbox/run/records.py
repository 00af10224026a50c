"""Reads an `Execution` off what a run left behind, trusting none of it. Pure."""

import json
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

from services.evaluator.app.sandbox.jail.child import EXIT_FINISHED, EXIT_OUT_OF_MEMORY
from services.evaluator.app.sandbox.jail.program import MAX_MESSAGE
from services.evaluator.app.sandbox.jail.protocol import Ending, RunEnded
from services.evaluator.app.sandbox.jail.tagging import MAX_TYPE_NAME
from services.evaluator.app.sandbox.run.execution import (
    Execution,
    Limit,
    Status,
    StepOutcome,
    StepResult,
)
from services.evaluator.app.sandbox.run.limits import RunLimits
from services.evaluator.app.sandbox.run.values import MalformedValueError, ValueReader

Flood = Literal["", "output", "results"]

NOT_FINISHED = StepResult("not_finished")
STARVED = "the machine was too busy to let it run"
FORGED = "it wrote to the channel that results come back by"


class ForgedRecordError(Exception):
    """A record that the sandbox's own code doesn't write, or not at that place."""


@dataclass(frozen=True, slots=True)
class RunRemains:
    """Everything that a run left behind.

    Attributes:
        token: What each record but the first begins with.
        results: What came through the channel for results.
        output: The printed text, cut at the limit.
        output_cut: Whether the printed text was cut.
        flood: Which channel carried too much; empty where neither did.
        ended: How the process ended.
    """

    token: str
    results: bytes
    output: bytes
    output_cut: bool
    flood: Flood
    ended: RunEnded


@dataclass(frozen=True, slots=True)
class _Records:
    layers: tuple[str, ...] = ()
    unsafe: str = ""
    is_loaded: bool = False
    load_failure: StepResult | None = None
    steps: tuple[StepResult, ...] = ()
    is_finished: bool = False


def read_remains(remains: RunRemains, step_count: int, limits: RunLimits) -> Execution:
    """Work out what became of a run."""
    ended = remains.ended
    try:
        records = _read_records(remains, step_count)
        if records.is_finished and not _ended_well(ended):
            raise ForgedRecordError
    except ForgedRecordError:
        return _execution(remains, _Records(), step_count, "stopped", FORGED, limit="crash")
    if ended.ending is Ending.STARVED and not records.is_finished:
        return _execution(remains, records, step_count, "inconclusive", STARVED)
    if not records.layers:
        return unavailable(_why_not_confined(records, ended), step_count)
    if records.is_finished:
        return _completed(remains, records, step_count)
    limit, reason = _what_stopped(remains, limits)
    if limit == "crash":
        # How it ended was the program's doing, so that what it left may be as well.
        records = replace(records, steps=())
    return _execution(remains, records, step_count, "stopped", reason, limit=limit)


def unavailable(reason: str, step_count: int) -> Execution:
    """Return the execution of a run that no sandbox could make, with the reason."""
    return Execution("unavailable", loaded=False, reason=reason, steps=(NOT_FINISHED,) * step_count)


def _completed(remains: RunRemains, records: _Records, step_count: int) -> Execution:
    failure = records.load_failure
    if failure is None:
        return _execution(remains, records, step_count, "finished", "")
    said = f": {failure.message}" if failure.message else ""
    if failure.outcome == "inconclusive":
        reason = f"loading asked for what the sandbox doesn't have: {failure.error}{said}"
        status: Status = "inconclusive"
    else:
        reason = f"loading raised {failure.error}{said}"
        status = "load_failed"
    return _execution(remains, records, step_count, status, reason, error=failure.error)


def _execution(
    remains: RunRemains,
    records: _Records,
    step_count: int,
    status: Status,
    reason: str,
    *,
    limit: Limit = "",
    error: str = "",
) -> Execution:
    missing = step_count - len(records.steps)
    return Execution(
        status=status,
        loaded=records.is_loaded,
        reason=reason[:MAX_MESSAGE],
        steps=records.steps + (NOT_FINISHED,) * missing,
        limit=limit,
        error=error,
        output=remains.output.decode(errors="replace"),
        output_cut=remains.output_cut,
        cpu_ms=remains.ended.cpu_ms,
        wall_ms=remains.ended.wall_ms,
        peak_memory_kb=remains.ended.peak_memory_kb,
        layers=records.layers,
    )


def _ended_well(ended: RunEnded) -> bool:
    # Its time may be up between its last record and its end.
    return ended.ending is not Ending.EXITED or ended.exit_code == EXIT_FINISHED


def _why_not_confined(records: _Records, ended: RunEnded) -> str:
    if records.unsafe:
        return f"the sandbox could not be closed: {records.unsafe}"
    if ended.ending is Ending.NOT_STARTED:
        return "no process could be made for the run"
    return f"the run ended before the sandbox was closed (exit code {ended.exit_code})"


def _what_stopped(remains: RunRemains, limits: RunLimits) -> tuple[Limit, str]:
    ended = remains.ended
    if remains.flood:
        return "output", f"too much {remains.flood}"
    was_killed = ended.exit_code == -signal.SIGKILL
    timed_out = ended.ending is Ending.WALL or ended.wall_ms >= limits.wall_ms
    if was_killed and not timed_out and _used_up(ended.cpu_ms, limits):
        return "cpu", f"it took more than {limits.cpu_seconds} s of processor time"
    if was_killed and timed_out:
        return "wall", f"it took longer than {limits.wall_ms / 1000:g} s"
    if ended.exit_code == EXIT_OUT_OF_MEMORY:
        return "memory", f"it took more than {limits.memory_mib} MiB of memory"
    if ended.exit_code < 0:
        return "crash", f"the process was ended by {_signal_name(-ended.exit_code)}"
    return "crash", f"it ended the process (exit code {ended.exit_code})"


def _used_up(cpu_ms: int, limits: RunLimits) -> bool:
    # For its limit the kernel counts ticks, which on a busy machine run ahead of the time used.
    return cpu_ms >= limits.cpu_seconds * 1000 / 2


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _read_records(remains: RunRemains, step_count: int) -> _Records:
    """Check that these records are the first ones of a run, each once and in order.

    Raises:
        ForgedRecordError: If they aren't.
    """
    lines = _complete_lines(remains)
    match next(lines, None):
        case None:
            return _Records()
        case ["unsafe", str(problem)] if next(lines, None) is None:
            return _Records(unsafe=problem[:MAX_MESSAGE])
        case ["confined", [*layers]] if layers and all(isinstance(x, str) for x in layers):
            names = tuple(layers)
        case _:
            raise ForgedRecordError
    match next(lines, None):
        case None:
            return _Records(layers=names)
        case ["load_failed", outcome, error, message] if outcome != "returned":
            failure = _read_outcome(outcome, [error, message])
            return _Records(names, load_failure=failure, is_finished=_read_end(lines))
        case ["loaded"]:
            steps, is_finished = _read_steps(lines, step_count)
            return _Records(names, is_loaded=True, steps=steps, is_finished=is_finished)
        case _:
            raise ForgedRecordError


def _read_steps(lines: Iterator[Any], step_count: int) -> tuple[tuple[StepResult, ...], bool]:
    steps: list[StepResult] = []
    for number in range(step_count):
        match next(lines, None):
            case None:
                return tuple(steps), False
            case ["step", int(claimed), str(outcome), *content] if (
                claimed == number and not isinstance(claimed, bool)
            ):
                steps.append(_read_outcome(outcome, content))
            case _:
                raise ForgedRecordError
    return tuple(steps), _read_end(lines)


def _read_end(lines: Iterator[Any]) -> bool:
    match next(lines, None):
        case None:
            return False
        case ["finished"] if next(lines, None) is None:
            return True
        case _:
            raise ForgedRecordError


def _read_outcome(outcome: object, content: Sequence[Any]) -> StepResult:
    match outcome, content:
        case "returned", [tagged]:
            try:
                return StepResult("returned", value=ValueReader().read(tagged))
            except MalformedValueError as error:
                raise ForgedRecordError from error
        case (("raised" | "inconclusive"), [str(error), str(message)]) if (
            len(error) <= MAX_TYPE_NAME and len(message) <= MAX_MESSAGE
        ):
            ending: StepOutcome = "raised" if outcome == "raised" else "inconclusive"
            return StepResult(ending, error=error, message=message)
        case _:
            raise ForgedRecordError


def _complete_lines(remains: RunRemains) -> Iterator[Any]:
    """Parse the records; what follows the last line's end was cut off with the run."""
    token = b""
    for line in remains.results.split(b"\n")[:-1]:
        if not line.startswith(token):
            raise ForgedRecordError
        try:
            yield json.loads(line[len(token) :], parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise ForgedRecordError from error
        token = remains.token.encode()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
