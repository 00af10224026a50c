"""A real sandbox for each module of tests; skipped aloud where this machine has none."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.evaluator.app.sandbox import JailSandbox, RunLimits

# A run that ends by itself does so on a busy machine as well, where it yields to all else.
AMPLE = RunLimits(wall_ms=20_000, cpu_seconds=4)
# What never ends costs its whole time in the tests, so it gets little of it.
SHORT = RunLimits(wall_ms=700)


@pytest_asyncio.fixture(
    loop_scope="module",
    scope="module",
    params=[
        pytest.param((), id="plain"),
        # What they add mustn't be a way out: `make test-slow` tries every attack with them.
        pytest.param(("numpy", "pandas"), id="modules", marks=pytest.mark.slow),
    ],
)
async def sandbox(request: pytest.FixtureRequest) -> AsyncIterator[JailSandbox]:
    """A started sandbox whose runs have more time than they need."""
    jail = JailSandbox(slots=4, limits=AMPLE, modules=request.param)
    try:
        availability = await jail.start()
        if not availability.is_available:
            pytest.skip(f"no sandbox on this machine: {availability.problem}")
        yield jail
    finally:
        await jail.close()


@pytest.fixture
def hasty(sandbox: JailSandbox, monkeypatch: pytest.MonkeyPatch) -> JailSandbox:
    """The same sandbox, whose runs may take 0.7 s until the test has ended."""
    monkeypatch.setattr(sandbox, "_limits", SHORT)
    return sandbox
