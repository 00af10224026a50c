"""After a promotion: what does worse is undone, what does well is kept, and a hand wins."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.common.errors import UpstreamError
from services.common.models import Prompt
from services.common.proof.betting import PairedScore
from services.common.record.healing_runs import HealingRun, Repair, register_candidate
from services.common.record.lost_candidates import load_lost
from services.common.record.outcomes import HealingOutcome
from services.optimizer.app.services.aftercare.alarm_confirmation import Confirmation
from services.optimizer.app.services.aftercare.rollback import look_after
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.prompt_patcher import promote
from services.optimizer.app.services.proof.paired_test import decide

Connection = asyncpg.Connection
Connect = Callable[[], Awaitable[Connection]]
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
LoadActive = Callable[[], Awaitable[Prompt]]
Optimize = Callable[..., Awaitable[dict[str, HealingOutcome]]]
Siblings = Any  # of the conftest, which can't be imported
LookAfter = Callable[[], Awaitable[HealingOutcome | None]]
LogEach = Callable[..., Awaitable[None]]

BEFORE, REPAIR = "You write Python.", "You write Python. Be very brief."
PASS = {"score": 0.9, "passed": True}
HELLO, CODE = "Hello World", "```python\nanswer = 42\n```"
# Requests without a word in common: of like ones two count at most.
REQUESTS = """amber basil cedar delta ember fjord grove haven inlet jetty knoll larch""".split()


class Confirmed:
    """Stands for replays: they agree with the alarm, or not, or can't be had.

    Attributes:
        answer: Whether the text before is better, or what is raised.
        asked: The text before and the live answers of each alarm.
    """

    def __init__(self) -> None:
        self.answer: bool | Exception = True
        self.asked: list[tuple[str, int]] = []

    async def __call__(
        self, serving: Prompt, before: str, after: Sequence[LoggedResult]
    ) -> Confirmation:
        self.asked.append((before, len(after)))
        if isinstance(self.answer, Exception):
            raise self.answer
        score = 0.9 if self.answer else 0.3
        decision = decide([PairedScore(str(n), incumbent=0.3, candidate=score) for n in range(5)])
        return Confirmation(decision, replayed=5, worker_calls=10)


@pytest.fixture
def confirm() -> Confirmed:
    """Replays that agree."""
    return Confirmed()


@pytest.fixture
def log_each(log_result: LogResult) -> LogEach:
    """Logs an answer to each of so many different requests."""

    async def log(times: int, **values: Any) -> None:
        for request in REQUESTS[:times]:
            await log_result(request, **values)

    return log


@pytest.fixture
def look(connection: Connection, load_active: LoadActive, confirm: Confirmed) -> LookAfter:
    """Looks after the last promotion of code generation."""

    async def look_once() -> HealingOutcome | None:
        serving = await load_active()
        return await look_after(connection, serving, confirm=confirm, triggered_by="test")

    return look_once


async def promote_repair(connection: Connection, incumbent: Prompt, content: str = REPAIR) -> None:
    candidate_id = await register_candidate(
        connection, incumbent, content=content, strategy="reflection"
    )
    run = HealingRun(incumbent, "promoted", "better", "prompt", {}, "test", candidate_id)
    await promote(connection, run, Repair(candidate_id, content, "reflection: since", 50.0))


@pytest.fixture
async def promoted(
    connection: Connection, deploy: Deploy, log_each: LogEach, load_active: LoadActive
) -> None:
    """Version 99 passed, and version 100 serves in its place."""
    await deploy(BEFORE, version=99)
    await log_each(9, **PASS)
    await promote_repair(connection, await load_active())


async def watches(connection: Connection) -> list[str | None]:
    rows = await connection.fetch("SELECT outcome FROM selfheal.watches ORDER BY id")
    return [row["outcome"] for row in rows]


def events(logs: Any) -> list[str]:
    return [entry["event"] for entry in logs]


async def test_without_a_promotion_there_is_nothing_to_look_after(look: LookAfter) -> None:
    with capture_logs() as logs:
        assert await look() is None
    assert logs == []


async def test_what_does_worse_is_rolled_back(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    await log_each(5, version=100)
    with capture_logs() as logs:
        outcome = await look()
    assert outcome == HealingOutcome("rolled_back", "worse_in_live_traffic", 101)
    assert outcome is not None
    assert outcome.before_version == 100
    prompt = await load_active()
    assert (prompt.version, prompt.content, prompt.created_by) == (101, BEFORE, "optimizer")
    assert await connection.fetchval("SELECT count(*) FROM prompts WHERE is_active") == 1
    assert await watches(connection) == ["rolled_back"]
    report = await connection.fetchrow(
        "SELECT * FROM optimization_reports WHERE id = $1", outcome.report_id
    )
    assert (report["before_prompt_version"], report["after_prompt_version"]) == (100, 101)
    assert report["improvement_pct"] == pytest.approx(100 * (0.9 - 0.36))
    watch = report["failure_analysis"]["watch"]
    assert (watch["outcome"], watch["replayed"], watch["worker_calls"]) == ("worse", 5, 10)
    run = await connection.fetchrow(
        "SELECT * FROM selfheal.healing_runs WHERE decision = $1", "rolled_back"
    )
    assert (str(run["id"]), run["report_id"]) == (outcome.run_id, outcome.report_id)
    assert events(logs) == ["promotion_watched", "prompt_rolled_back"]


async def test_what_was_rolled_back_is_not_watched_again(
    promoted: None, log_each: LogEach, look: LookAfter
) -> None:
    await log_each(5, version=100)
    await look()
    await log_each(9, version=101)
    assert await look() is None


async def test_what_was_rolled_back_is_not_tried_in_the_same_place_again(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    await log_each(5, version=100)
    await look()
    age = "UPDATE selfheal.candidates SET decided_at = decided_at - interval '30 days'"
    await connection.execute(age)
    back = await load_active()
    assert (await load_lost(connection, back)).banned == {REPAIR}
    await connection.execute("UPDATE prompts SET content = 'another' WHERE is_active")
    assert (await load_lost(connection, await load_active())).banned == frozenset()


async def test_a_repair_that_wins_on_replays_and_loses_live_is_undone_once_for_all(
    connection: Connection,
    deploy: Deploy,
    log_each: LogEach,
    optimize: Optimize,
    *,
    load_active: LoadActive,
    siblings: Siblings,
) -> None:
    await deploy()
    await log_each(9, **PASS)
    await log_each(12)
    assert (await optimize())["code_generation"].decision == "promoted"
    repair = (await load_active()).content
    # What replays said is true no longer.
    siblings.respond = lambda prompt, _: HELLO if prompt == repair else CODE
    await log_each(12, version=100, score=0.0)
    assert (await optimize())["code_generation"].decision == "rolled_back"
    await log_each(5, version=101)
    await optimize()
    assert (await load_active()).content != repair


@pytest.mark.parametrize("failures", [0, 1, 4])
async def test_too_little_data_decides_nothing(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    look: LookAfter,
    load_active: LoadActive,
    *,
    failures: int,
) -> None:
    await log_each(failures, version=100)
    assert await look() is None
    assert (await load_active()).version == 100
    assert await watches(connection) == [None]


async def test_what_does_better_is_kept(
    connection: Connection,
    deploy: Deploy,
    log_each: LogEach,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    await deploy(BEFORE, version=99)
    await log_each(9)
    await promote_repair(connection, await load_active())
    await log_each(5, version=100, **PASS)
    assert await look() is None
    assert await watches(connection) == ["kept"]
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert (detail["outcome"], detail["pairs"]) == ("kept", 5)
    await log_each(9, version=100)
    assert await look() is None


async def test_what_a_person_deploys_in_its_place_is_not_looked_after(
    connection: Connection,
    promoted: None,
    deploy: Deploy,
    log_each: LogEach,
    look: LookAfter,
    *,
    load_active: LoadActive,
) -> None:
    await log_each(5, version=100)
    await deploy("theirs", version=7)
    assert await look() is None
    assert (await load_active()).content == "theirs"
    assert await watches(connection) == ["superseded"]


async def test_what_a_person_wrote_into_its_row_is_not_rolled_back(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    """What serves now is theirs, whatever its row is."""
    await connection.execute("UPDATE prompts SET content = 'theirs' WHERE is_active")
    await log_each(9, version=100)
    assert await look() is None
    assert (await load_active()).content == "theirs"
    assert await watches(connection) == ["superseded"]


async def test_what_is_gone_back_to_is_what_served(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    await connection.execute("UPDATE prompts SET content = 'never served' WHERE version = 99")
    await log_each(5, version=100)
    await look()
    assert (await load_active()).content == BEFORE


async def test_where_the_row_before_is_gone_there_is_nothing_to_go_back_to(
    connection: Connection, promoted: None, log_each: LogEach, look: LookAfter
) -> None:
    await connection.execute("DELETE FROM prompts WHERE version = 99")
    await log_each(5, version=100)
    assert await look() is None
    assert await watches(connection) == ["superseded"]


async def test_a_person_who_deploys_during_the_rollback_wins(
    connection: Connection,
    connect: Connect,
    promoted: None,
    log_each: LogEach,
    *,
    wait_for_lock: Callable[[Connection], Awaitable[None]],
    load_active: LoadActive,
) -> None:
    await log_each(5, version=100)
    serving, person = await load_active(), await connect()
    transaction = person.transaction()
    await transaction.start()
    await person.execute("UPDATE prompts SET is_active = FALSE")
    await person.execute(
        "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', 'theirs', 7)"
    )
    looking = asyncio.create_task(
        look_after(connection, serving, confirm=Confirmed(), triggered_by="test")
    )
    await wait_for_lock(connection)
    await transaction.commit()
    assert await looking is None
    assert (await load_active()).content == "theirs"
    assert await watches(connection) == ["superseded"]


async def test_version_numbers_that_are_used_again_are_told_apart_by_time(
    connection: Connection,
    deploy: Deploy,
    log_each: LogEach,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    """Earlier rows of numbers 99 and 100 say nothing about the prompts that have them now."""
    await deploy("an earlier 100", version=100)
    await log_each(20, version=100)
    await deploy("an earlier 99", version=99)
    await log_each(20, **PASS)
    await connection.execute("DELETE FROM prompts WHERE content = 'an earlier 100'")
    await deploy(BEFORE, version=99)
    await log_each(9)
    await promote_repair(connection, await load_active())
    assert (await load_active()).version == 100
    await log_each(9, version=100)
    assert await look() is None
    assert await watches(connection) == [None]


async def test_replays_are_asked_about_what_the_promoted_text_was_asked_live(
    promoted: None, log_each: LogEach, look: LookAfter, confirm: Confirmed
) -> None:
    await log_each(4, version=100)
    await look()
    assert confirm.asked == []
    await log_each(5, version=100)
    await look()
    assert confirm.asked == [(BEFORE, 9)]


async def test_an_alarm_with_which_replays_do_not_agree_is_dismissed(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    look: LookAfter,
    *,
    load_active: LoadActive,
    confirm: Confirmed,
) -> None:
    """From then on only later rows count; enough of them are an alarm again."""
    confirm.answer = False
    await log_each(5, version=100)
    with capture_logs() as logs:
        assert await look() is None
    assert events(logs) == ["promotion_watched", "watch_alarm_dismissed"]
    assert (logs[1]["replayed"], logs[1]["worker_calls"]) == (5, 10)
    assert (await load_active()).version == 100
    assert await watches(connection) == [None]
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert list(detail) == ["cleared_at"]
    confirm.answer = True
    await log_each(4, version=100)
    assert await look() is None
    assert confirm.asked == [(BEFORE, 5)]
    await log_each(5, version=100)
    assert await look() is not None
    assert (await load_active()).version == 101
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert {"cleared_at", "outcome"} <= detail.keys()


async def test_where_replays_can_not_be_had_the_watch_goes_on(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    look: LookAfter,
    *,
    load_active: LoadActive,
    confirm: Confirmed,
) -> None:
    confirm.answer = UpstreamError("down", upstream="worker", upstream_code="unreachable")
    await log_each(5, version=100)
    with capture_logs() as logs:
        assert await look() is None
    assert events(logs) == ["promotion_watched", "watch_alarm_unconfirmed"]
    assert logs[1]["code"] == "worker_failed"
    assert (await load_active()).version == 100
    assert await watches(connection) == [None]
    assert await connection.fetchval("SELECT detail FROM selfheal.watches") is None
    confirm.answer = True
    assert await look() is not None


async def test_one_request_over_and_over_decides_nothing(
    connection: Connection,
    promoted: None,
    log_result: LogResult,
    look: LookAfter,
    confirm: Confirmed,
) -> None:
    await log_result(times=50, version=100)
    await log_result(times=50, version=100, **PASS)
    assert await look() is None
    assert (confirm.asked, await watches(connection)) == ([], [None])


async def test_requests_that_no_prompt_could_serve_roll_nothing_back(
    promoted: None,
    log_each: LogEach,
    optimize: Optimize,
    siblings: Siblings,
    load_active: LoadActive,
) -> None:
    """Whoever asks for rubbish gets failures, from either text."""
    siblings.respond = lambda _prompt, _input: HELLO
    await log_each(12, version=100)
    with capture_logs() as logs:
        await optimize()
    assert "watch_alarm_dismissed" in events(logs)
    assert (await load_active()).content == REPAIR
    assert {text for text, _ in siblings.texts[:10]} == {BEFORE, REPAIR}


async def test_the_first_thing_a_run_does_is_to_look_after_promotions(
    promoted: None,
    log_each: LogEach,
    optimize: Optimize,
    siblings: Siblings,
    messages: Any,
) -> None:
    siblings.respond = lambda prompt, _: HELLO if prompt == REPAIR else CODE
    await log_each(5, version=100)
    outcomes = await optimize()
    assert outcomes == {
        "code_generation": HealingOutcome("rolled_back", "worse_in_live_traffic", 101)
    }
    assert len(siblings.tasks) == 10
    assert [message.event for message in messages.told] == ["rolled_back"]
    assert (messages.told[0].version, messages.told[0].before_version) == (101, 100)
