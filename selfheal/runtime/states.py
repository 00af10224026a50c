"""The states in which a part of the system can be, as `selfheal status` names them."""

from dataclasses import dataclass
from enum import StrEnum

STARTING_GRACE_SECONDS = 30.0


class State(StrEnum):
    """What a process is doing, as far as can be told from outside."""

    RUNNING = "running"
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    CRASHED = "crashed"
    STOPPED = "stopped"


def judge_state(
    *, recorded: bool, alive: bool, ready: bool, was_ready: bool = False, age_seconds: float
) -> State:
    """Decide a state from what was observed.

    Args:
        recorded: Whether it should run: it was started and not stopped since.
        alive: Whether its process is there.
        ready: Whether it answers that it can serve.
        was_ready: Whether it has served before, so that it can't be starting any more.
        age_seconds: Time since it was started; a young process may still be starting.
    """
    if not recorded:
        return State.STOPPED
    if not alive:
        return State.CRASHED
    if ready:
        return State.RUNNING
    is_young = age_seconds < STARTING_GRACE_SECONDS
    return State.STARTING if is_young and not was_ready else State.UNHEALTHY


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """What can be told about one part of the system; what is unknown is empty.

    Attributes:
        pid: Its process, if it runs and is ours.
        started_at: When it was started, ISO 8601 in UTC.
        detail: What there is to say about the state, for people.
    """

    name: str
    state: State
    address: str = ""
    pid: int | None = None
    started_at: str = ""
    detail: str = ""
