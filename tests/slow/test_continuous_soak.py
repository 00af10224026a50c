"""The continuous mode over hundreds of failures, deploys and faults: it heals, and leaks nothing.

Not collected by `make test`; run by `make test-slow`.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import psutil
import pytest
from slow.healing_stage import CODE, HELLO, PATIENCE_SECONDS, TASK_TYPE, Optimizer, Stage
from support.polling import until

pytestmark = pytest.mark.timeout(400)

MEGABYTE = 1 << 20
# One in so many calls of the Worker fails, in live traffic and in replays.
WORKER_FAILS_EVERY = 19
FAILURES_A_DEPLOY = 25
BAD_PROMPTS = (
    "just say hello world to everything",
    "Whatever comes, the answer is Hello World.",
    "You greet. Say Hello World, and nothing else, in a friendly tone.",
)
GOOD_PROMPTS = (
    "You write Python. Answer with one Python code block.",
    "Write complete Python code with type hints, in one Python code block.",
)
INSERT_UNSCORED = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, refined_input, evaluation_detail, error_message
    ) VALUES (
        gen_random_uuid(), $1, $2, $2, '{"error": {"service": "worker", "code": "model_failed"}}',
        'The model failed.'
    )
"""
SELECT_SERVING = """
    SELECT version, content FROM prompts WHERE task_type = $1 AND is_active
    ORDER BY version DESC LIMIT 1
"""
COUNT_BACKENDS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'selfheal'"

CALLS = count(1)


class Follower:
    """Reads what a running Optimizer logs, and lets a test wait for it."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.events: Counter[str] = Counter()
        self._changed = asyncio.Condition()

    async def follow(self) -> None:
        """Read until its end."""
        assert self.optimizer.process.stdout is not None
        async for line in self.optimizer.process.stdout:
            entry: dict[str, Any] = json.loads(line)
            async with self._changed:
                self.events[entry["event"]] += 1
                self._changed.notify_all()

    async def until_more(self, *events: str, than: int) -> None:
        """Return when more of these events were told than a number."""
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: self.count(*events) > than)

    def count(self, *events: str) -> int:
        """How many of these events were told so far."""
        return sum(self.events[event] for event in events)


@asynccontextmanager
async def continuously(stage: Stage, **settings: str) -> AsyncIterator[Follower]:
    """Run the continuous mode, and end it in order."""
    optimizer = await stage.start("--watch", **{"CANARY_STEPS": "1", **settings})
    follower = Follower(optimizer)
    following = asyncio.ensure_future(follower.follow())
    try:
        await follower.until_more("failure_watch_started", than=0)
        yield follower
    finally:
        optimizer.terminate()
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await optimizer.process.wait() == 0
            await following


async def ask(stage: Stage, text: str) -> bool:
    """A request as the Manager deals with it; tells whether its answer passed."""
    [(version, content)] = await stage.fetch(SELECT_SERVING, TASK_TYPE)
    output = stage.siblings.respond(content, text)
    if isinstance(output, int):
        await (await stage.database()).execute(INSERT_UNSCORED, TASK_TYPE, text)
        return False
    await stage.log_answers(text, version=version, output=output)
    return stage.siblings.grade(text, output) >= 0.7


def obey_now_and_then(prompt: str, _text: str) -> str | int:
    if next(CALLS) % WORKER_FAILS_EVERY == 0:
        return 503
    return HELLO if "hello world" in prompt.lower() else CODE


async def fail_and_wait_for_the_repair(stage: Stage, follower: Follower, deploy: int) -> None:
    """Requests under a bad prompt, until another one serves."""
    patched = follower.count("prompt_patched")
    for number in range(FAILURES_A_DEPLOY):
        await ask(stage, f"Sort list number {number % 7} of deploy {deploy}")
    await follower.until_more("prompt_patched", than=patched)


async def test_hundreds_of_failures_end_with_a_good_prompt_and_no_leak(stage: Stage) -> None:
    stage.siblings.respond = obey_now_and_then
    # Cooldown follows runs on the same text, and here every deploy is a person's.
    async with continuously(stage, OPTIMIZER_COOLDOWN_SECONDS="0.2") as follower:
        process = psutil.Process(follower.optimizer.process.pid)
        await stage.deploy(BAD_PROMPTS[0], version=10)
        await fail_and_wait_for_the_repair(stage, follower, 0)
        memory, descriptors = process.memory_info().rss, process.num_fds()

        for deploy in range(1, 10):
            good = GOOD_PROMPTS[deploy % 2]
            await stage.deploy(good, version=100 * deploy)
            for number in range(20):
                await ask(stage, f"Reverse text number {number}")
            assert [content for _, _, content in await stage.active()] == [good]
            await stage.deploy(BAD_PROMPTS[deploy % 3], version=100 * deploy + 10)
            if deploy == 5:
                await stage.restart_database()
            await fail_and_wait_for_the_repair(stage, follower, deploy)
            [(_, _, content)] = await stage.active()
            assert content not in BAD_PROMPTS

        assert follower.count("prompt_patched") == 10
        assert follower.count("prompt_rolled_back") == 0
        assert follower.count("continuous_run_failed") >= 1  # the restart was noticed
        assert process.memory_info().rss - memory < 16 * MEGABYTE

        # What is under way opens some for a moment; what has leaked stays.
        async def leaks_nothing() -> bool:
            [(backends,)] = await stage.fetch(COUNT_BACKENDS)
            # The one that listens, that of a look, of jobs and of a heal.
            return process.num_fds() <= descriptors + 2 and backends <= 4

        await until(leaks_nothing)
        assert [await ask(stage, "Add two numbers") for _ in range(3)].count(True) >= 2
    await stage.until_let_go()
    assert await stage.count_advisory_locks() == 0
    [(promoted,)] = await stage.fetch(
        "SELECT count(*) FROM selfheal.healing_runs WHERE decision = 'promoted'"
    )
    assert promoted == 10


P_PROMPT = "Answer every note in the manner of P."
Q_PROMPT = "Answer every note in the manner of Q."
BLOCKS = 24
RUN_ENDED = ("prompt_patched", "optimization_held", "heal_postponed", "prompt_rolled_back")


def answer_in_a_manner(prompt: str, _text: str) -> str:
    return "Q" if "manner of Q" in prompt else "P" if "manner of P" in prompt else "neither"


def grade_by_manner(text: str, output: str) -> float:
    """Half of the users want P, the other half Q; everybody else takes either."""
    wanted = {"alpha": "P", "beta": "Q"}.get(text.split(maxsplit=1)[0], output)
    return 0.9 if output == wanted else 0.2


async def users_with_opposite_needs(stage: Stage) -> None:
    """Two prompts that both served well, each among its own users; P serves now."""
    stage.siblings.respond = answer_in_a_manner
    stage.siblings.grade = grade_by_manner
    await stage.deploy(Q_PROMPT, version=2)
    for number in range(12):
        await ask(stage, f"beta writes note {number}")
    await stage.deploy(P_PROMPT, version=3)
    for number in range(12):
        await ask(stage, f"alpha writes note {number}")


async def test_users_with_opposite_needs_at_once_change_nothing_for_long(stage: Stage) -> None:
    await users_with_opposite_needs(stage)
    async with continuously(stage, OPTIMIZER_COOLDOWN_SECONDS="0.2") as follower:
        for number in range(300):
            ended = follower.count(*RUN_ENDED)
            await ask(stage, f"{('alpha', 'beta')[number % 2]} asks for note {number}")
            if number % 50 == 49:  # whose failures are looked at before more of them come
                await follower.until_more(*RUN_ENDED, than=ended)
        assert len(await stage.active()) == 1
        assert follower.count("prompt_patched", "prompt_rolled_back") <= 2
        assert follower.count("optimization_held") >= 1


async def test_users_with_opposite_needs_in_turn_settle(stage: Stage) -> None:
    await users_with_opposite_needs(stage)
    changes = []
    async with continuously(stage, OPTIMIZER_COOLDOWN_SECONDS="5") as follower:
        for block in range(BLOCKS):
            user = ("beta", "alpha")[block % 2]
            ended = follower.count(*RUN_ENDED)
            passed = [await ask(stage, f"{user} asks for {block} {number}") for number in range(8)]
            if not all(passed):
                await follower.until_more(*RUN_ENDED, than=ended)
            changes.append(follower.count("prompt_patched", "prompt_rolled_back"))
            assert len(await stage.active()) == 1
    assert changes[-1] <= 2
    assert changes[-1] == changes[BLOCKS // 2]  # and then no more
