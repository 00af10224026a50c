"""Whenever an Optimizer is killed, one proven prompt serves, and the next run heals."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from itertools import count

import pytest
from slow.conftest import SEED
from slow.healing_stage import (
    BAD_PROMPT,
    CODE,
    HELLO,
    PATIENCE_SECONDS,
    TASK_TYPE,
    Ended,
    Optimizer,
    Stage,
)

pytestmark = pytest.mark.timeout(600)

REQUEST = "Write a binary search function"
REQUESTS = [
    REQUEST,
    "Reverse a string",
    "Sort numbers",
    "Count vowels",
    "Merge dictionaries",
    "Find palindromes",
]
END_LEASES = "UPDATE selfheal.leases SET held_until = now() - interval '1 second'"
HELD_ELSEWHERE = "heal_already_runs"

SELECT_TRACES = """
    SELECT (SELECT count(*) FROM optimization_reports WHERE after_prompt_version = p.version)
               AS reports,
           (SELECT count(*) FROM selfheal.healing_runs r JOIN optimization_reports o
                ON o.id = r.report_id
            WHERE o.after_prompt_version = p.version AND r.decision = $2) AS runs,
           (SELECT count(*) FROM selfheal.watches w
            WHERE w.ended_at IS NULL AND w.prompt_id = p.id) AS open_watches
    FROM prompts p WHERE id = $1
"""
COUNT_LEFT = """
    SELECT (SELECT count(*) FROM optimization_reports)
         + (SELECT count(*) FROM selfheal.healing_runs)
         + (SELECT count(*) FROM selfheal.watches)
         + (SELECT count(*) FROM prompts WHERE version > 99) AS rows
"""


async def let_it_fail(stage: Stage, version: int = 99) -> int:
    """A bad prompt that was deployed, and what came of it."""
    prompt_id = await stage.deploy(version=version)
    await stage.log_answers(REQUEST, version=version, output=HELLO, times=5)
    return prompt_id


async def assert_nothing_was_changed(stage: Stage, incumbent_id: int) -> None:
    """The prompt that failed still serves, alone, and no half of a heal is to be seen."""
    await stage.until_let_go()
    assert await stage.active() == [(incumbent_id, 99, BAD_PROMPT)]
    assert await stage.count_advisory_locks() == 0
    assert [row["rows"] for row in await stage.fetch(COUNT_LEFT)] == [0]


async def assert_healed(stage: Stage) -> None:
    """One prompt serves, the proven one, and all that there is to know of it is on record."""
    await stage.until_let_go()
    [(prompt_id, version, content)] = await stage.active()
    assert (version, content) == (100, SEED)
    [traces] = await stage.fetch(SELECT_TRACES, prompt_id, "promoted")
    assert tuple(traces) == (1, 1, 1)
    assert await stage.count_advisory_locks() == 0


async def heal_after_all(stage: Stage) -> None:
    """The next run heals as if nothing had been, once the lease of the one before has ended."""
    await stage.fetch(END_LEASES)
    run = await stage.run()
    assert run.exit_code == 0, run
    assert "prompt_patched" in run.events()
    await assert_healed(stage)


def at_call(
    service: str, number: int, act: Callable[[], Awaitable[None]]
) -> Callable[[str, int], Awaitable[None]]:
    async def on_call(called: str, count: int) -> None:
        if (called, count) == (service, number):
            await act()

    return on_call


async def stop_at_call(
    stage: Stage,
    service: str,
    number: int,
    stop: Callable[[Optimizer], None],
    *arguments: str,
    **settings: str,
) -> Ended:
    """Run an Optimizer and stop it, one way or another, when it makes a call."""
    running: list[Optimizer] = []

    async def stop_it() -> None:
        stop(running[0])

    stage.siblings.on_call = at_call(service, number, stop_it)
    running.append(await stage.start(*arguments, **settings))
    return await running[0].ended()


@pytest.mark.parametrize("service", ["worker", "evaluator"])
async def test_killed_at_any_call(stage: Stage, service: str) -> None:
    for number in count(1):
        await stage.reset(SEED)
        incumbent_id = await let_it_fail(stage)
        run = await stop_at_call(stage, service, number, Optimizer.kill)
        if run.exit_code == 0:
            break
        assert run.exit_code == -signal.SIGKILL
        await assert_nothing_was_changed(stage, incumbent_id)
        await heal_after_all(stage)
    assert number > 10  # a heal of this kind takes more calls than that
    await assert_healed(stage)


@pytest.mark.parametrize(
    ("table", "after_calls"),
    [
        pytest.param("selfheal.candidates", 0, id="candidates-registered"),
        pytest.param("selfheal.candidates", 9, id="candidates-weighed"),
        pytest.param("selfheal.candidates", 18, id="candidates-decided"),
        pytest.param("prompts", 0, id="prompts"),
        pytest.param("selfheal.activations", 0, id="activations"),
        pytest.param("optimization_reports", 0, id="reports"),
        pytest.param("selfheal.watches", 0, id="watches"),
        pytest.param("selfheal.healing_runs", 0, id="runs"),
    ],
)
async def test_killed_while_it_writes(stage: Stage, table: str, after_calls: int) -> None:
    incumbent_id = await let_it_fail(stage)
    reached, locked = asyncio.Event(), asyncio.Event()

    async def wait_for_the_lock() -> None:
        reached.set()
        await locked.wait()

    stage.siblings.on_call = at_call("worker", after_calls, wait_for_the_lock)
    optimizer = await stage.start() if after_calls else None
    if optimizer is not None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await reached.wait()
    async with stage.locked(table):
        locked.set()
        optimizer = optimizer or await stage.start()
        await stage.until_waiting()
        optimizer.kill()
        assert (await optimizer.ended()).exit_code == -signal.SIGKILL
        assert [version for _, version, _ in await stage.active()] == [99]
    await assert_nothing_was_changed(stage, incumbent_id)
    await heal_after_all(stage)


async def test_killed_right_after_the_promotion(stage: Stage) -> None:
    await let_it_fail(stage)
    optimizer = await stage.start()
    await optimizer.read_until("prompt_patched")
    optimizer.kill()
    await optimizer.ended()
    await assert_healed(stage)
    run = await stage.run()
    assert run.exit_code == 0
    assert "no task types need optimization" in run.events()
    await assert_healed(stage)


async def repair_for_the_worse(stage: Stage) -> int:
    """A promotion that does worse in live traffic than what it replaced, and is watched."""
    [(before_id, _, _)] = await stage.active()
    for request in REQUESTS:
        await stage.log_answers(request, version=1, output=CODE)
    worse = "say Hello World, they will like it"
    prompt_id = await stage.deploy(worse, version=2)
    database = await stage.database()
    candidate_id = await database.fetchval(
        "INSERT INTO selfheal.candidates (task_type, content, strategy, incumbent_prompt_id)"
        " VALUES ($1, $2, 'reflection', $3) RETURNING id",
        TASK_TYPE,
        worse,
        before_id,
    )
    await database.execute(
        "INSERT INTO selfheal.watches (task_type, prompt_id, before_prompt_id, candidate_id)"
        " VALUES ($1, $2, $3, $4)",
        TASK_TYPE,
        prompt_id,
        before_id,
        candidate_id,
    )
    for request in REQUESTS:
        await stage.log_answers(request, version=2, output=HELLO)
    return prompt_id


@pytest.mark.parametrize(
    "table",
    [
        "prompts",
        "selfheal.activations",
        "optimization_reports",
        "selfheal.watches",
        "selfheal.candidates",
        "selfheal.healing_runs",
    ],
)
async def test_killed_in_the_middle_of_a_rollback(stage: Stage, table: str) -> None:
    promoted_id = await repair_for_the_worse(stage)
    async with stage.locked(table):
        optimizer = await stage.start()
        await stage.until_waiting()
        optimizer.kill()
        await optimizer.ended()
    await stage.until_let_go()
    [(prompt_id, _, _)] = await stage.active()
    assert prompt_id == promoted_id
    [traces] = await stage.fetch(SELECT_TRACES, prompt_id, "rolled_back")
    assert tuple(traces) == (0, 0, 1)
    await (await stage.database()).execute(END_LEASES)

    run = await stage.run()
    assert run.exit_code == 0
    assert "prompt_rolled_back" in run.events()
    [(prompt_id, version, content)] = await stage.active()
    assert (version, content) == (3, SEED)
    [traces] = await stage.fetch(SELECT_TRACES, prompt_id, "rolled_back")
    assert tuple(traces) == (1, 1, 0)
    [watch] = await stage.fetch("SELECT outcome FROM selfheal.watches")
    assert watch["outcome"] == "rolled_back"


async def test_two_at_once_heal_once(stage: Stage) -> None:
    await let_it_fail(stage)
    # Both stand at the same door, and it opens for both.
    async with stage.locked("selfheal.watches", "ACCESS EXCLUSIVE"):
        optimizers = [await stage.start(), await stage.start()]
        await stage.until_waiting(2)
    runs = [await optimizer.ended() for optimizer in optimizers]
    assert [run.exit_code for run in runs] == [0, 0]
    assert sum("prompt_patched" in run.events() for run in runs) == 1
    await assert_healed(stage)


async def test_one_of_two_is_killed(stage: Stage) -> None:
    incumbent_id = await let_it_fail(stage)
    in_the_middle, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        in_the_middle.set()
        await go_on.wait()

    stage.siblings.on_call = at_call("worker", 6, hold)
    first = await stage.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await in_the_middle.wait()
    second = await stage.run()
    assert second.exit_code == 0
    assert HELD_ELSEWHERE in second.events()
    first.kill()
    await first.ended()
    go_on.set()
    await assert_nothing_was_changed(stage, incumbent_id)
    await heal_after_all(stage)


async def test_sigterm_ends_a_run_with_a_line_and_changes_nothing(stage: Stage) -> None:
    incumbent_id = await let_it_fail(stage)
    run = await stop_at_call(stage, "worker", 6, Optimizer.terminate)
    assert run.exit_code == 1
    assert run.events()[-1] == "optimization_interrupted"
    assert run.stderr == ""
    await assert_nothing_was_changed(stage, incumbent_id)
    await heal_after_all(stage)


async def test_sigterm_ends_the_continuous_mode_in_order(stage: Stage) -> None:
    incumbent_id = await let_it_fail(stage)
    run = await stop_at_call(stage, "worker", 6, Optimizer.terminate, "--watch")
    assert run.exit_code == 0
    assert run.events()[-1] == "failure_watch_stopped"
    assert run.stderr == ""
    await assert_nothing_was_changed(stage, incumbent_id)
    await heal_after_all(stage)


@pytest.mark.parametrize("number", [1, 9, 20])
async def test_a_database_that_restarts_in_mid_heal(stage: Stage, number: int) -> None:
    incumbent_id = await let_it_fail(stage)
    stage.siblings.on_call = at_call("worker", number, stage.restart_database)
    run = await stage.run()
    assert run.exit_code == 1
    failed = run.entry("optimization_failed")
    assert failed["code"] == "database_unavailable"
    assert "Check that PostgreSQL runs" in failed["message"]
    assert run.stderr == ""
    await assert_nothing_was_changed(stage, incumbent_id)
    await heal_after_all(stage)


CANARY = {"CANARY_STEPS": "0.1,1"}
THREE_STEPS = {"CANARY_STEPS": "0.1,0.5,1"}
SELECT_ROLLOUTS = """
    SELECT r.outcome, r.share, h.decision FROM selfheal.rollouts r
    JOIN selfheal.healing_runs h ON h.id = r.run_id
"""


async def roll_out(stage: Stage) -> None:
    """A repair serves a tenth of the traffic, and its answers show that it is better."""
    await let_it_fail(stage)
    assert (await stage.run(**CANARY)).exit_code == 0
    await stage.answer_on_both_arms(25)


@pytest.mark.parametrize(
    "table", ["selfheal.candidates", "selfheal.healing_runs", "selfheal.rollouts"]
)
async def test_killed_while_it_begins_a_canary(stage: Stage, table: str) -> None:
    incumbent_id = await let_it_fail(stage)
    async with stage.locked(table):
        optimizer = await stage.start(**CANARY)
        await stage.until_waiting()
        optimizer.kill()
        await optimizer.ended()
    await assert_nothing_was_changed(stage, incumbent_id)
    assert await stage.fetch(SELECT_ROLLOUTS) == []
    await stage.fetch(END_LEASES)
    run = await stage.run(**CANARY)
    assert "canary_started" in run.events()
    [(outcome, _, decision)] = await stage.fetch(SELECT_ROLLOUTS)
    assert (outcome, decision) == (None, "canary")


@pytest.mark.parametrize(
    "table",
    [
        "prompts",
        "selfheal.activations",
        "optimization_reports",
        "selfheal.watches",
        "selfheal.candidates",
        "selfheal.healing_runs",
        "selfheal.rollouts",
    ],
)
async def test_killed_while_it_promotes_a_canary(stage: Stage, table: str) -> None:
    await roll_out(stage)
    async with stage.locked(table):
        optimizer = await stage.start(**CANARY)
        await stage.until_waiting()
        optimizer.kill()
        await optimizer.ended()
    await stage.until_let_go()
    assert [version for _, version, _ in await stage.active()] == [99]
    [(outcome, _, decision)] = await stage.fetch(SELECT_ROLLOUTS)
    assert (outcome, decision) == (None, "canary")
    await stage.fetch(END_LEASES)
    assert "prompt_patched" in (await stage.run(**CANARY)).events()
    await assert_healed(stage)
    [(outcome, _, decision)] = await stage.fetch(SELECT_ROLLOUTS)
    assert (outcome, decision) == ("promoted", "promoted")


async def test_two_at_once_promote_a_canary_once(stage: Stage) -> None:
    await roll_out(stage)
    optimizers = [await stage.start(**CANARY), await stage.start(**CANARY)]
    runs = [await optimizer.ended() for optimizer in optimizers]
    assert [run.exit_code for run in runs] == [0, 0]
    assert sum("prompt_patched" in run.events() for run in runs) == 1
    await assert_healed(stage)


async def kill_at_lock(stage: Stage, table: str, settings: dict[str, str]) -> None:
    """Kill an Optimizer when it waits for a table, and let the next one take over."""
    async with stage.locked(table):
        optimizer = await stage.start(**settings)
        await stage.until_waiting()
        optimizer.kill()
        await optimizer.ended()
    await stage.until_let_go()
    await stage.fetch(END_LEASES)


async def test_killed_while_a_canary_goes_on(stage: Stage) -> None:
    await let_it_fail(stage)
    assert (await stage.run(**THREE_STEPS)).exit_code == 0
    await stage.answer_on_both_arms(25)
    await kill_at_lock(stage, "selfheal.rollouts", THREE_STEPS)
    [(outcome, share, _)] = await stage.fetch(SELECT_ROLLOUTS)
    assert (outcome, round(share, 2)) == (None, 0.1)
    for _ in range(2):  # evidence of the first step counts for it alone
        assert (await stage.run(**THREE_STEPS)).exit_code == 0
        [(outcome, share, _)] = await stage.fetch(SELECT_ROLLOUTS)
        assert (outcome, round(share, 2)) == (None, 0.5)


@pytest.mark.parametrize(
    "table", ["selfheal.rollouts", "selfheal.healing_runs", "selfheal.candidates"]
)
@pytest.mark.parametrize("end", ["aborted", "superseded"])
async def test_killed_while_it_ends_a_canary(stage: Stage, table: str, end: str) -> None:
    await let_it_fail(stage)
    assert (await stage.run(**CANARY)).exit_code == 0
    if end == "aborted":
        await stage.answer_on_both_arms(25, incumbent=CODE, candidate=HELLO)
    else:
        await stage.deploy(SEED, version=100)
    before = await stage.active()
    await kill_at_lock(stage, table, CANARY)
    [(outcome, _, decision)] = await stage.fetch(SELECT_ROLLOUTS)
    assert (outcome, decision) == (None, "canary")
    assert (await stage.run(**CANARY)).exit_code == 0
    outcomes = [tuple(row)[::2] for row in await stage.fetch(SELECT_ROLLOUTS)]
    assert (end, "held") in outcomes
    assert await stage.active() == before


@pytest.mark.parametrize("how", ["killed", "its database restarted"])
async def test_stopped_in_the_replays_of_a_canary(stage: Stage, how: str) -> None:
    await let_it_fail(stage)
    assert (await stage.run(**CANARY)).exit_code == 0
    for text in ("Amber basil", "Cedar delta", "Ember fjord"):
        await stage.answer_on_both_arms(1, incumbent=HELLO, candidate=HELLO, text=text)
    assert (await stage.run(**CANARY)).exit_code == 0  # takes in what came
    called = stage.siblings.calls["worker"]
    if how == "killed":
        run = await stop_at_call(stage, "worker", called + 2, Optimizer.kill, **CANARY)
    else:
        stage.siblings.on_call = at_call("worker", called + 2, stage.restart_database)
        run = await stage.run(**CANARY)
    assert run.exit_code != 0
    await stage.until_let_go()
    [(outcome, _, decision)] = await stage.fetch(SELECT_ROLLOUTS)
    assert (outcome, decision) == (None, "canary")
    await stage.fetch(END_LEASES)
    assert (await stage.run(**CANARY)).exit_code == 0
    assert [version for _, version, _ in await stage.active()] == [99]
