import asyncio

import pytest

from services.common.resilience.ranks import Rank, current_rank
from services.common.resilience.turns import Turns


async def begin(turns: Turns, rank: Rank, name: str, had: list[str]) -> "asyncio.Task[None]":
    """Somebody who waits for a place, and keeps it."""

    async def wait() -> None:
        current_rank.set(rank)
        await turns.take()
        had.append(name)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    return task


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_live_requests_go_first_and_in_a_rank_who_has_waited_longest() -> None:
    turns, had = Turns(1), []  # type: tuple[Turns, list[str]]
    await turns.take()
    for rank, name in (
        (Rank.REPLAY, "replay"),
        (Rank.SCORING, "scoring"),
        (Rank.LIVE, "live 1"),
        (Rank.LIVE, "live 2"),
    ):
        await begin(turns, rank, name, had)

    for _ in range(4):
        turns.give_back()
        await settle()

    assert had == ["live 1", "live 2", "scoring", "replay"]


async def test_who_comes_counts_those_before_it_only() -> None:
    turns, had = Turns(1), []  # type: tuple[Turns, list[str]]
    await turns.take()
    tasks = [await begin(turns, rank, "", had) for rank in (Rank.REPLAY, Rank.REPLAY, Rank.SCORING)]

    assert [turns.count_waiting(rank) for rank in Rank] == [0, 1, 3]

    for task in tasks:
        task.cancel()
    await settle()
    assert [turns.count_waiting(rank) for rank in Rank] == [0, 0, 0]


@pytest.mark.parametrize("is_told_first", [True, False])
async def test_no_place_is_lost_where_its_turn_and_its_end_meet(is_told_first: bool) -> None:
    turns, had = Turns(1), []  # type: tuple[Turns, list[str]]
    await turns.take()
    waiting = await begin(turns, Rank.LIVE, "gone", had)

    if is_told_first:
        turns.give_back()
        waiting.cancel()
    else:
        waiting.cancel()
        turns.give_back()
    await settle()

    assert (had, turns.taken) == ([], 0)


async def test_fewer_places_are_reached_as_they_are_given_back() -> None:
    turns, had = Turns(2), []  # type: tuple[Turns, list[str]]
    await turns.take()
    await turns.take()
    await begin(turns, Rank.LIVE, "live", had)

    turns.places = 1
    turns.give_back()
    await settle()
    assert (had, turns.taken) == ([], 1)

    turns.give_back()
    await settle()
    assert (had, turns.taken) == (["live"], 1)
