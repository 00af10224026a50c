"""A real sandbox for each module of tests; skipped aloud where this machine has none."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.evaluator.app.sandbox import JailSandbox, RunLimits

# Loops cost their whole time in the tests, so they get little of it.
SHORT = RunLimits(wall_ms=700, cpu_seconds=1)


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
    """A started sandbox whose runs may take 0.7 s."""
    jail = JailSandbox(slots=4, limits=SHORT, modules=request.param)
    try:
        availability = await jail.start()
        if not availability.is_available:
            pytest.skip(f"no sandbox on this machine: {availability.problem}")
        yield jail
    finally:
        await jail.close()
