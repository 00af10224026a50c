"""Whether a run that ended late took its time or was never given it."""

import io

import pytest

from services.evaluator.app.sandbox.jail import zygote
from services.evaluator.app.sandbox.jail.protocol import Ending

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("schedstat", "ending"),
    [
        pytest.param(f"{SECOND // 50} {5 * SECOND // 2} 12\n", Ending.STARVED, id="waited"),
        pytest.param(f"{SECOND // 50} {SECOND} 12\n", Ending.WALL, id="slept"),
        pytest.param(f"{SECOND // 3} {5 * SECOND // 2} 99\n", Ending.WALL, id="a-loop-among-loops"),
        pytest.param("", Ending.WALL, id="a-kernel-that-does-not-tell"),
        pytest.param(None, Ending.WALL, id="a-process-that-is-gone"),
    ],
)
def test_why_a_run_is_late(
    schedstat: str | None, ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_fake(path: str, **_: object) -> io.StringIO:
        assert path == "/proc/4711/schedstat"
        if schedstat is None:
            raise FileNotFoundError(path)
        return io.StringIO(schedstat)

    monkeypatch.setattr(zygote, "open", open_fake, raising=False)
    running = zygote._Child(run_id=1, pid=4711, started=10.0, deadline=13.0)
    assert zygote._why_late(running) is ending
