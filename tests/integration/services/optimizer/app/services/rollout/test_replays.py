"""Where too few live answers come, a rollout's two texts are run on live inputs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs
from support.rollouts import LATER, ask, run_of, state

from services.common.errors import DatabaseUnavailableError
from services.common.record.outcomes import HealingOutcome
from services.common.record.rollouts.endings import abort
from services.common.record.rollouts.rollout import Rollout, load_rollouts, load_rollouts_by_id

Connection = asyncpg.Connection
LogResult = Callable[..., Awaitable[None]]
Optimize = Callable[..., Awaitable[dict[str, HealingOutcome]]]
Siblings = Any  # of the conftest, which can't be imported

# Those of services; the tests' own are a superuser's.
END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename <> current_user
"""


async def read_evidence(connection: Connection) -> Any:
    [row] = await load_rollouts(connection, None, limit=1)
    return row.detail["evidence"]


async def read_replays(connection: Connection) -> tuple[int, list[float]]:
    """Count the inputs that were used up, and read the first step's gains on them."""
    evidence = await read_evidence(connection)
    return len(evidence["replayed"]), evidence["steps"][0]["replays"]


async def test_live_inputs_are_replayed_where_too_few_answers_come(
    connection: Connection,
    rollout: Rollout,
    log_result: LogResult,
    look: Optimize,
    siblings: Siblings,
) -> None:
    await ask(log_result, rollout, LATER)
    before = len(siblings.tasks)
    for _ in range(12):
        outcomes = await look()
        if outcomes and outcomes["code_generation"].decision != "canary":
            break
    assert outcomes["code_generation"].decision == "promoted"
    asked = [text for _, text in siblings.texts[before:]]
    assert set(asked) <= set(LATER)
    assert len(asked) == 2 * len(set(asked))  # each input once, under both texts
    figures = (await run_of(connection))["detail"]["rollout"]["figures"]
    assert all(step["replays"] > 0 and step["live_pairs"] == 0 for step in figures)


async def test_what_the_text_was_proven_on_is_not_replayed(
    connection: Connection,
    rollout: Rollout,
    log_result: LogResult,
    look: Optimize,
    siblings: Siblings,
) -> None:
    used = (await run_of(connection))["detail"]["inputs"]["used"]
    await ask(log_result, rollout, [one["text"] for one in used.values() if len(one["text"]) < 200])
    before = len(siblings.tasks)
    await look()
    assert len(siblings.tasks) == before


END_LEASES = "UPDATE selfheal.leases SET held_until = now() - interval '1 second'"


@pytest.fixture(params=["respond", "grade"])
async def broken(
    request: pytest.FixtureRequest, rollout: Rollout, log_result: LogResult, siblings: Siblings
) -> tuple[str, Any]:
    """Worker or Evaluator gives no answer any more, when there are inputs to replay."""
    await ask(log_result, rollout, LATER[:6])
    whole = getattr(siblings, request.param)
    setattr(siblings, request.param, lambda *_: 503)
    return request.param, whole


async def test_a_sibling_that_is_away_costs_neither_calls_nor_inputs(
    connection: Connection, look: Optimize, siblings: Siblings, broken: tuple[str, Any]
) -> None:
    await look()
    calls = len(siblings.tasks)
    for _ in range(3):
        assert await look() == {}
    assert len(siblings.tasks) == calls
    setattr(siblings, *broken)
    await connection.execute(END_LEASES)
    await look()
    assert await read_replays(connection) == (4, [0.514] * 4)


async def test_what_fails_again_and_again_is_tried_more_and_more_seldom(
    connection: Connection,
    rollout: Rollout,
    log_result: LogResult,
    look: Optimize,
    siblings: Siblings,
) -> None:
    await ask(log_result, rollout, LATER[:1])
    with capture_logs() as logs:
        for status in [503] * 7 + [200, 503]:
            siblings.respond = lambda *_, status=status: status if status > 200 else "Hello World"
            await look()
            await connection.execute(END_LEASES)
            if status == 200:
                await ask(log_result, rollout, LATER[8:9])
    pauses = [one["retry_seconds"] for one in logs if one["event"] == "canary_replays_failed"]
    assert pauses == [30, 60, 120, 240, 480, 960, 960, 30]


@dataclass
class Hang:
    """A Worker that takes what it is asked, and answers nothing until it is released."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, _number: int) -> None:
        self.asked.set()
        await self.released.wait()


@pytest.fixture
async def hang(rollout: Rollout, log_result: LogResult, siblings: Siblings) -> AsyncIterator[Hang]:
    """The Worker hangs, when there are inputs to replay."""
    await ask(log_result, rollout, LATER[:6])
    hang = Hang()
    siblings.before_task = hang.wait
    yield hang
    hang.released.set()


async def test_a_worker_that_hangs_is_waited_for_as_long_as_settings_say(
    connection: Connection, look: Optimize, siblings: Siblings, hang: Hang
) -> None:
    for bound in ("worker_timeout_seconds", "optimizer_deadline_seconds"):
        before = len(siblings.tasks)
        assert await look(**{bound: 0.1}) == {}
        calls = len(siblings.tasks)
        assert before < calls <= before + 16  # four inputs, two texts, two attempts
        assert await look() == {}
        assert len(siblings.tasks) == calls
        await connection.execute(END_LEASES)
    assert await state(connection) == (None, "", 0, 0.1)
    hang.released.set()
    await look()
    assert await read_replays(connection) == (4, [0.514] * 4)


async def test_a_look_that_hangs_can_be_stopped(
    connection: Connection, look: Optimize, hang: Hang
) -> None:
    looking = asyncio.create_task(look())
    await hang.asked.wait()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    hang.released.set()
    await look()  # nobody waits for what it held
    assert await read_replays(connection) == (4, [0.514] * 4)


async def test_a_person_ends_it_while_a_look_hangs(
    connection: Connection, rollout: Rollout, look: Optimize, hang: Hang
) -> None:
    looking = asyncio.create_task(look())
    await hang.asked.wait()
    await abort(connection, rollout, "canary_aborted", person="ada")
    hang.released.set()
    await looking
    [ended] = await load_rollouts_by_id(connection, rollout.id, rollout.id)
    assert (ended.outcome, ended.reason, ended.person) == ("aborted", "canary_aborted", "ada")


@pytest.mark.parametrize(
    ("mute", "gains"),
    [("both", []), ("incumbent", []), ("candidate", [-0.36] * 4)],
    ids=["both texts", "the incumbent", "the candidate"],
)
async def test_answers_that_tell_nothing_use_their_inputs_up(
    connection: Connection, rollout: Rollout, log_result: LogResult, look: Optimize,
    siblings: Siblings, *, mute: str, gains: list[float],
) -> None:  # fmt: skip
    """A model that never comes to an end of its answer costs no calls without end."""
    await ask(log_result, rollout, LATER[:4])

    def respond(prompt: str, _: str) -> str | int:
        arm = "candidate" if prompt == rollout.content else "incumbent"
        return 502 if mute in (arm, "both") else "Hello World"

    siblings.respond, siblings.failure_code = respond, "model_answer_cut"
    await look()
    assert await read_replays(connection) == (4, gains)
    calls = len(siblings.tasks)
    await connection.execute(END_LEASES)
    await look()
    assert len(siblings.tasks) == calls


# PostgreSQL's texts hold no NUL, and neither does its JSON; what stands for one is another matter.
NUL = "Sort \x00 and \\u0000 \ud800."
CONVERSE = """
    INSERT INTO selfheal.conversations (execution_id, request_id, model_asked, messages, variables)
    SELECT id, request_id, task_type, $1, $2 FROM execution_logs
    WHERE evaluation_detail -> 'worker' ? 'arm'
"""


async def test_a_nul_on_either_arm_does_no_harm(
    connection: Connection,
    rollout: Rollout,
    log_result: LogResult,
    look: Optimize,
    siblings: Siblings,
) -> None:
    for arm in ("incumbent", "candidate"):
        worker = {"rollout": str(rollout.id), "arm": arm, "unit": f"{arm} {NUL}", "model": NUL}
        rules = [{"name": NUL, "outcome": "failed", "reason": NUL}]
        detail = {"worker": worker, "rules": rules, "evaluator": {"fingerprint": NUL}}
        await log_result("Sort.", detail=detail)
    for holder in ("""{"worker": {"unit": "\\u0000"}}""", '"\\u0000"'):
        with pytest.raises(asyncpg.UntranslatableCharacterError):
            await connection.execute(f"UPDATE execution_logs SET evaluation_detail = '{holder}'")
    messages = [{"role": "user", "content": NUL}]
    await connection.execute(CONVERSE, messages, {"name": NUL})
    await look()
    evidence = await read_evidence(connection)
    assert (len(evidence["steps"][0]["live"]["gains"]), evidence["replayed"]) == (1, [])
    before = len(siblings.tasks)
    await look()
    assert await read_replays(connection) == (1, [0.514])
    asked = {text for _, text in siblings.texts[before:]}
    assert asked == {"Sort \ufffd and \\u0000 \ufffd."}


async def test_replays_count_though_the_connection_was_lost_meanwhile(
    connection: Connection,
    rollout: Rollout,
    log_result: LogResult,
    look: Optimize,
    siblings: Siblings,
) -> None:
    """They are paid for."""

    async def end_others(_: int) -> None:
        siblings.before_task = None
        await connection.execute(END_CONNECTIONS)

    await ask(log_result, rollout, LATER[:6])
    siblings.before_task = end_others
    with pytest.raises(DatabaseUnavailableError):
        await look()
    assert len((await read_evidence(connection))["replayed"]) == 4
    calls = len(siblings.tasks)
    assert await look() == {}
    assert len((await read_evidence(connection))["replayed"]) == 6
    assert len(siblings.tasks) == calls + 4
