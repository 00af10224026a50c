"""The states in which a part of the system can be, as `selfheal status` names them."""

from enum import StrEnum

STARTING_GRACE_SECONDS = 30.0


class State(StrEnum):
    """What a process is doing, as far as can be told from outside."""

    RUNNING = "running"
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    CRASHED = "crashed"
    STOPPED = "stopped"


def judge_state(*, recorded: bool, alive: bool, ready: bool, age_seconds: float) -> State:
    """Decide a state from what was observed.

    Args:
        recorded: Whether something should run: we started it and nobody stopped it.
        alive: Whether its process is there.
        ready: Whether it answers that it can serve.
        age_seconds: Time since it was started; a young process may still be starting.
    """
    if not recorded:
        return State.STOPPED
    if not alive:
        return State.CRASHED
    if ready:
        return State.RUNNING
    return State.STARTING if age_seconds < STARTING_GRACE_SECONDS else State.UNHEALTHY
