import pytest

from selfheal.runtime.states import STARTING_GRACE_SECONDS, State, judge_state


@pytest.mark.parametrize(
    ("recorded", "alive", "ready", "age_seconds", "expected"),
    [
        (False, False, False, 0, State.STOPPED),
        (True, False, False, 0, State.CRASHED),
        (True, False, True, 1e6, State.CRASHED),
        (True, True, True, 0, State.RUNNING),
        (True, True, False, 0, State.STARTING),
        (True, True, False, STARTING_GRACE_SECONDS - 1, State.STARTING),
        (True, True, False, STARTING_GRACE_SECONDS, State.UNHEALTHY),
    ],
)
def test_judge_state(
    recorded: bool, alive: bool, ready: bool, age_seconds: float, expected: State
) -> None:
    state = judge_state(recorded=recorded, alive=alive, ready=ready, age_seconds=age_seconds)
    assert state is expected


def test_what_has_served_and_does_not_now_is_unhealthy_however_young() -> None:
    state = judge_state(recorded=True, alive=True, ready=False, was_ready=True, age_seconds=0)
    assert state is State.UNHEALTHY
