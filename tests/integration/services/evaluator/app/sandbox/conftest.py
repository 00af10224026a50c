"""A real sandbox for each module of tests; skipped aloud where this machine has none."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.evaluator.app.sandbox import JailSandbox, RunLimits

# Loops cost their whole time in the tests, so they get little of it.
SHORT = RunLimits(wall_ms=700, cpu_seconds=1)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def sandbox() -> AsyncIterator[JailSandbox]:
    """A started sandbox whose runs may take 0.7 s."""
    jail = JailSandbox(slots=4, limits=SHORT)
    try:
        availability = await jail.start()
        if not availability.is_available:
            pytest.skip(f"no sandbox on this machine: {availability.problem}")
        yield jail
    finally:
        await jail.close()
