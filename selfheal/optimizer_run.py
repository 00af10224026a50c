"""Runs the Optimizer as its own process and reads the events that it logs."""

import json
import os
import subprocess
import textwrap
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from selfheal.runtime.assembly import connection_environment
from selfheal.runtime.process_plan import OPTIMIZER_COMMAND
from services.common.config import Settings

WATCH_FLAG: Final = "--watch"
DRY_RUN_FLAG: Final = "--dry-run"
STOP_GRACE_SECONDS: Final = 12.0

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OptimizerRun:
    """How a run of the Optimizer ended.

    Attributes:
        exit_code: 0 when healed or held, 1 when the run failed, 2 for a wrong setting.
        events: What it logged, in order.
    """

    exit_code: int
    events: list[Event] = field(default_factory=list)

    def find(self, name: str) -> Event | None:
        """Return the last event of that name."""
        return next((event for event in reversed(self.events) if event["event"] == name), None)


def run_optimizer(
    settings: Settings,
    on_event: Callable[[Event], None],
    *,
    triggered_by: str = "manual",
    flags: Sequence[str] = (),
) -> OptimizerRun:
    """Run the Optimizer against the system that runs here, once or until it is interrupted.

    Args:
        on_event: Called with each event as it comes, those after an interruption included.
        flags: `--watch` or `--dry-run`, as the Optimizer takes them.

    Raises:
        EmbeddedRuntimeError: If the system was never started.
        KeyboardInterrupt: If a signal said so; the Optimizer has ended by then.
    """
    environment = os.environ | connection_environment(settings)
    environment["OPTIMIZER_TRIGGERED_BY"] = triggered_by
    process = subprocess.Popen(  # noqa: S603 - no shell, our own command
        [*OPTIMIZER_COMMAND, *flags],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is ours to pass on
    )
    # A run of the continuous mode lasts for days: only a run that ends keeps its events.
    events: list[Event] = []
    with process:
        lines = process.stdout or ()
        try:
            for line in lines:
                event = _parse(line)
                if WATCH_FLAG not in flags:
                    events.append(event)
                on_event(event)
        except KeyboardInterrupt:
            # An activation is one transaction: wherever this meets the run, nothing is left half.
            process.terminate()
            killer = threading.Timer(STOP_GRACE_SECONDS, process.kill)
            killer.start()
            try:
                for line in lines:
                    on_event(_parse(line))
            finally:
                killer.cancel()
            raise
        except BaseException:
            process.terminate()
            raise
    return OptimizerRun(process.returncode, events)


def describe_event(event: Event) -> str:
    """Say an event of the Optimizer in words: its name, then its fields; messages stay whole."""
    name = str(event["event"])
    if name == "failures_attributed":
        return _describe_fault(event)
    details = {
        key: value
        for key, value in event.items()
        if key not in ("event", "service", "level", "timestamp")
    }
    return name + "".join(
        f"  {key}={value if key == 'message' else _shorten(value)}"
        for key, value in details.items()
    )


def _describe_fault(event: Event) -> str:
    """Say whose fault it is, with the first sentence that says why, in full."""
    because = event.get("because")
    first = because[0] if isinstance(because, list) and because else ""
    described = "".join(
        f"  {key}={_shorten(event[key])}" for key in ("task_type", "verdict") if key in event
    )
    return f"failures_attributed{described}" + (f"  because: {first}" if first else "")


def _shorten(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return textwrap.shorten(text, 80, placeholder="...")


def _parse(line: str) -> Event:
    """Read a line of the log; what is no JSON object becomes an event without fields."""
    try:
        parsed: object = json.loads(line)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict) and "event" in parsed:
        return parsed
    return {"event": line.rstrip()}
