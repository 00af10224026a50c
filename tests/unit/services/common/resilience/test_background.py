import asyncio

import pytest

from services.common.resilience.background import Background


class Work(Background):
    def __init__(self) -> None:
        self.has_begun = asyncio.Event()
        self.has_ended = False

    async def _run(self) -> None:
        self.has_begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.has_ended = True


async def test_work_goes_on_until_it_is_closed() -> None:
    work = Work()
    work.start()
    await work.has_begun.wait()
    assert not work.has_ended
    await work.close()
    assert work.has_ended


async def test_work_that_never_began_may_be_closed_and_twice() -> None:
    work = Work()
    await work.close()
    work.start()
    await work.close()
    await work.close()
    assert not work.has_begun.is_set()


async def test_what_ended_the_work_is_told_at_its_close() -> None:
    class Broken(Work):
        async def _run(self) -> None:
            self.has_begun.set()
            raise ValueError("broken")

    broken = Broken()
    broken.start()
    await broken.has_begun.wait()
    with pytest.raises(ValueError, match="broken"):
        await broken.close()
