"""Slots: no two hold the same one, whoever came first gets the next, and none gets lost."""

import asyncio

import pytest

from services.evaluator.app.sandbox.run.slot_pool import SlotPool


async def test_each_slot_has_one_holder() -> None:
    pool = SlotPool(range(3))
    assert {await pool.take(), await pool.take(), await pool.take()} == {0, 1, 2}


async def test_who_waits_longest_is_next() -> None:
    pool = SlotPool([7])
    slot = await pool.take()
    order: list[str] = []

    async def wait(name: str) -> None:
        held = await pool.take()
        order.append(name)
        pool.give_back(held)

    waiting = [asyncio.create_task(wait(name)) for name in ("first", "second")]
    await asyncio.sleep(0)
    pool.give_back(slot)
    # A newcomer finds nothing free: the slot was handed on already.
    newcomer = asyncio.create_task(wait("newcomer"))
    await asyncio.gather(*waiting, newcomer)
    assert order == ["first", "second", "newcomer"]


@pytest.mark.parametrize("is_handed_over", [False, True])
async def test_who_gives_up_waiting_loses_no_slot(is_handed_over: bool) -> None:
    pool = SlotPool([7])
    slot = await pool.take()
    waiting = asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    if is_handed_over:
        pool.give_back(slot)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    if not is_handed_over:
        pool.give_back(slot)
    assert await pool.take() == 7
