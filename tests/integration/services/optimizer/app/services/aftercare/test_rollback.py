"""After a promotion: what does worse is undone, what does well is kept, and a hand wins."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.common.errors import UpstreamError
from services.common.models import Prompt
from services.common.proof.betting import PairedScore
from services.common.record.healing_runs import HealingRun, Repair, register_candidate
from services.common.record.lost_candidates import load_lost
from services.common.record.outcomes import HealingOutcome
from services.common.record.proposals import approve_proposal, reject_proposal
from services.common.record.text_lint import ERASED
from services.optimizer.app.services.aftercare.alarm_confirmation import Alarm, Confirmation
from services.optimizer.app.services.aftercare.rollback import PromotionKeeper
from services.optimizer.app.services.aftercare.watch import LEAST_PAIRS
from services.optimizer.app.services.aftercare.watch_record import load_watch
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
        answer: Whether the text before is better, None where replays broke off, or what is raised.
        gains: What it wins, in place of that; what comes of it is for the bet to say.
        asked: The text before and the live answers of each alarm.
        numbers: The how many-th bet of its watch each alarm's was.
    """

    def __init__(self) -> None:
        self.answer: bool | Exception | None = True
        self.gains: list[float] = []
        self.asked: list[tuple[str, int]] = []
        self.numbers: list[int] = []

    async def __call__(self, alarm: Alarm) -> Confirmation:
        self.asked.append((alarm.before, len(alarm.after)))
        self.numbers.append(alarm.wager.number)
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is None:
            return Confirmation(None, replayed=1, worker_calls=2, code="worker_failed")
        gains = self.gains or [float(self.answer)] * 5
        bets = [(f"{len(self.asked)}/{number}", gain) for number, gain in enumerate(gains)]
        assert alarm.book is not None
        wager = await alarm.book.bet(alarm.before, bets)
        if self.gains:
            return Confirmation(decide([], wager=wager), len(gains), 2 * len(gains))
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
        return await PromotionKeeper(confirm, "test").look_after(connection, serving)

    return look_once


async def promote_repair(
    connection: Connection, incumbent: Prompt, content: str = REPAIR, detail: Any = None
) -> None:
    candidate_id = await register_candidate(
        connection, incumbent, content=content, strategy="reflection"
    )
    run = HealingRun(incumbent, "promoted", "better", "prompt", detail or {}, "test", candidate_id)
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


MANY = [f"{one}{two}" for one in REQUESTS for two in "abcde"]


async def log_all(log_result: LogResult, requests: list[str], **values: Any) -> None:
    for request in requests:
        await log_result(request, **values)


async def test_what_is_shown_not_to_be_worse_is_kept(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    """Not before tens of answers, however well it does; until then the watch says what it lacks."""
    await deploy(BEFORE, version=99)
    await log_all(log_result, MANY[:LEAST_PAIRS])
    await promote_repair(connection, await load_active())
    await log_all(log_result, MANY[: LEAST_PAIRS - 1], version=100, **PASS)
    with capture_logs() as logs:
        assert await look() is None
    assert (logs[0]["outcome"], logs[0]["lacks"]) == ("watching", "answers")
    assert await watches(connection) == [None]
    await log_all(log_result, MANY[LEAST_PAIRS - 1 : LEAST_PAIRS], version=100, **PASS)
    assert await look() is None
    assert await watches(connection) == ["kept"]
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert (detail["outcome"], detail["pairs"], detail["margin"]) == ("kept", LEAST_PAIRS, 0.05)
    await log_all(log_result, MANY[:9], version=100)
    assert await look() is None


@pytest.fixture
async def mediocre(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> int:
    """Version 98 passed, 99 failed, and 100 does better than 99 only; gives the id of 98."""
    good = await deploy("the last good one", version=98)
    await log_all(log_result, MANY[:40], version=98, **PASS)
    await deploy(BEFORE, version=99)
    await log_all(log_result, MANY[:40], version=99)
    await promote_repair(connection, await load_active(), detail={"last_good": {"prompt_id": good}})
    return good


async def test_it_is_compared_with_the_last_good_version_too(
    connection: Connection,
    mediocre: int,
    log_result: LogResult,
    look: LookAfter,
    load_active: LoadActive,
    *,
    confirm: Confirmed,
) -> None:
    """It does better than what it replaced, and is undone: what serves again is the last good."""
    await log_all(log_result, MANY[:12], version=100, score=0.6)
    outcome = await look()
    assert outcome is not None
    assert (outcome.decision, confirm.asked) == ("rolled_back", [("the last good one", 12)])
    assert (await load_active()).content == "the last good one"


async def test_a_last_good_version_that_was_edited_since_is_none(
    connection: Connection,
    mediocre: int,
    log_result: LogResult,
    look: LookAfter,
    confirm: Confirmed,
) -> None:
    digest = """
        UPDATE optimization_reports SET failure_analysis = jsonb_set(
            failure_analysis, '{last_good,digest}', '"of what served"')
    """
    await connection.execute(digest)
    await log_all(log_result, MANY[:12], version=100, score=0.6)
    assert await look() is None
    assert confirm.asked == []


async def test_where_live_requests_are_of_one_kind_a_rollback_is_possible(
    promoted: None, log_result: LogResult, look: LookAfter, confirm: Confirmed
) -> None:
    await log_result(times=4, version=100)
    assert await look() is None
    await log_result(version=100)
    assert await look() is not None
    assert confirm.asked == [(BEFORE, 5)]


async def test_where_live_requests_are_of_one_kind_golden_inputs_are_replayed(
    promoted: None,
    log_result: LogResult,
    optimize: Optimize,
    siblings: Siblings,
    load_active: LoadActive,
) -> None:
    siblings.respond = lambda prompt, _: HELLO if prompt == REPAIR else CODE
    await log_result(times=5, version=100)
    assert (await optimize())["code_generation"].decision == "rolled_back"
    assert any(task["refined_input"] not in REQUESTS for task in siblings.tasks)
    assert any(one.get("golden_id") for one in siblings.evaluations)


async def test_in_propose_mode_a_person_decides_on_the_rollback(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    load_active: LoadActive,
    confirm: Confirmed,
) -> None:
    async def look_asking() -> HealingOutcome | None:
        return await PromotionKeeper(confirm, "test", asks_first=True).look_after(
            connection, await load_active()
        )

    await log_each(5, version=100)
    outcome = await look_asking()
    assert outcome == HealingOutcome("proposed", "worse_in_live_traffic", 100)
    assert (await load_active()).version == 100
    await log_each(12, version=100)
    assert await look_asking() is None
    assert len(confirm.asked) == 1
    assert outcome is not None
    activation = await approve_proposal(connection, UUID(outcome.run_id), person="Kim")
    serving = await load_active()
    assert (serving.version, serving.content) == (activation.version, BEFORE)
    assert (await watches(connection))[0] == "rolled_back"
    assert (await load_lost(connection, serving)).banned == {REPAIR}


async def test_a_proposed_rollback_that_is_turned_down_is_not_proposed_again_for_the_same_answers(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    load_active: LoadActive,
    confirm: Confirmed,
) -> None:
    await log_each(5, version=100)
    for _ in range(2):
        outcome = await PromotionKeeper(confirm, "test", asks_first=True).look_after(
            connection, await load_active()
        )
        if outcome is not None:
            await reject_proposal(connection, UUID(outcome.run_id), person="Kim")
    assert len(confirm.asked) == 1


async def test_who_has_read_an_earlier_prompt_ends_no_newer_watch(
    connection: Connection,
    deploy: Deploy,
    log_each: LogEach,
    load_active: LoadActive,
    confirm: Confirmed,
) -> None:
    """Between reading what serves and looking at its watch another Optimizer has promoted."""
    await deploy(BEFORE, version=99)
    stale = await load_active()
    await promote_repair(connection, stale)
    assert await PromotionKeeper(confirm, "test").look_after(connection, stale) is None
    assert await watches(connection) == [None]


async def test_of_two_optimizers_one_looks_into_an_alarm(
    connection: Connection,
    connect: Connect,
    promoted: None,
    log_each: LogEach,
    load_active: LoadActive,
) -> None:
    other, serving = await connect(), await load_active()
    second = Confirmed()

    class Slow(Confirmed):
        async def __call__(self, alarm: Alarm) -> Confirmation:
            found = await PromotionKeeper(second, "test").look_after(other, serving)
            second.answer = found is None
            self.answer = False
            return await super().__call__(alarm)

    second.answer = UpstreamError("busy", upstream="worker", upstream_code="busy")
    first = Slow()
    await log_each(5, version=100)
    assert await PromotionKeeper(first, "test").look_after(connection, serving) is None
    assert await watches(connection) == [None]
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert (first.numbers, detail["confirmations"]) == ([1], 1)
    assert detail["dismissed"] == {"before": [5]}


async def test_two_looks_at_one_alarm_are_one_bet(
    connection: Connection,
    connect: Connect,
    promoted: None,
    log_each: LogEach,
    load_active: LoadActive,
) -> None:
    """Who began to look last goes on with all that was bet; who began before bets no more."""
    other, serving = await connect(), await load_active()
    second = Confirmed()
    second.gains = [0.5, 0.5]
    known: list[frozenset[str]] = []

    class Slow(Confirmed):
        async def __call__(self, alarm: Alarm) -> Confirmation:
            assert alarm.book is not None
            await alarm.book.bet(alarm.before, [("slow", 0.5)])
            await log_each(6, version=100)
            assert await PromotionKeeper(second, "test").look_after(other, serving) is None
            detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
            known.append(frozenset(detail["wagers"]["before"]["seen"]))
            await alarm.book.bet(alarm.before, [("too late", 1.0)])
            raise AssertionError("it was on record")

    await log_each(5, version=100)
    assert await PromotionKeeper(Slow(), "test").look_after(connection, serving) is None
    assert known == [{"slow", "1/0", "1/1"}]
    assert await watches(connection) == [None]
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert (set(detail["wagers"]["before"]["seen"]), detail["confirmations"]) == (known[0], 2)


async def test_who_read_the_bets_before_the_last_of_them_does_not_begin_to_look(
    connection: Connection, promoted: None
) -> None:
    one = await load_watch(connection, "code_generation")
    assert one is not None
    assert await one.claim_confirmation(connection, [])
    two = await load_watch(connection, "code_generation")
    assert two is not None
    await one.save_wager(connection, "before", one.find_wager("before").bet_on([("a", 0.5)]))
    assert not await two.claim_confirmation(connection, [])
    three = await load_watch(connection, "code_generation")
    assert three is not None
    assert await three.claim_confirmation(connection, [])


async def test_a_look_without_a_pair_gives_the_answers_back(
    connection: Connection, promoted: None
) -> None:
    watch = await load_watch(connection, "code_generation")
    assert watch is not None
    assert await watch.claim_confirmation(connection, [SimpleNamespace(row_id=7)])  # type: ignore[list-item]
    await watch.return_confirmation(connection)
    again = await load_watch(connection, "code_generation")
    assert again is not None
    assert (again.confirmations, again.looked_row) == (0, 0)


async def test_a_confirmation_that_was_killed_before_its_first_bet_has_spent_nothing(
    connection: Connection, promoted: None
) -> None:
    watch = await load_watch(connection, "code_generation")
    assert watch is not None
    assert await watch.claim_confirmation(connection, [])
    again = await load_watch(connection, "code_generation")
    assert again is not None
    assert (again.confirmations, again.find_wager("before").number) == (1, 1)


async def test_what_was_won_by_one_that_was_killed_rolls_back_at_the_next_look(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    load_active: LoadActive,
    confirm: Confirmed,
) -> None:
    await log_each(5, version=100)
    watch = await load_watch(connection, "code_generation")
    assert watch is not None
    newest: Any = await connection.fetchrow("SELECT max(id) AS row_id FROM execution_logs")
    assert await watch.claim_confirmation(connection, [SimpleNamespace(**newest)])  # type: ignore[list-item]
    won = watch.find_wager("before").bet_on([(str(number), 1.0) for number in range(5)])
    await watch.save_wager(connection, "before", won)
    outcome = await PromotionKeeper(confirm, "test").look_after(connection, await load_active())
    assert outcome is not None
    assert outcome.decision == "rolled_back"


async def test_a_proposed_rollback_spends_its_bet(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    load_active: LoadActive,
    confirm: Confirmed,
) -> None:
    """So that one who turned it down isn't asked again after five more answers."""
    await log_each(5, version=100)
    keeper = PromotionKeeper(confirm, "test", asks_first=True)
    outcome = await keeper.look_after(connection, await load_active())
    assert outcome is not None
    assert outcome.decision == "proposed"
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert (detail["wagers"], detail["opened"]) == ({}, 1)


async def test_rows_that_are_deleted_change_no_pair(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    look: LookAfter,
    confirm: Confirmed,
) -> None:
    await log_each(4, version=100)
    await look()
    select = "SELECT detail -> 'paired' FROM selfheal.watches"
    before = await connection.fetchval(select)
    assert len(before["before"]) == 4
    await connection.execute("DELETE FROM execution_logs")
    await log_each(1, version=100)
    assert await look() is None
    assert await connection.fetchval(select) == before


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


async def test_what_lost_words_to_an_erasure_is_not_gone_back_to_and_that_is_told_once(
    connection: Connection,
    promoted: None,
    confirm: Confirmed,
    *,
    log_each: LogEach,
    look: LookAfter,
    load_active: LoadActive,
) -> None:
    torn = f"{BEFORE} As in: {ERASED}"
    await connection.execute("UPDATE prompts SET content = $1 WHERE version = 99", torn)
    await connection.execute("UPDATE optimization_reports SET before_prompt_content = $1", torn)
    await log_each(5, version=100)
    outcome = await look()
    assert outcome is not None
    assert (outcome.decision, outcome.reason, outcome.version) == ("held", "text_erased", 100)
    assert "it lost words to selfheal erase" in outcome.summary
    assert (await load_active()).version == 100
    assert confirm.asked == []
    assert await watches(connection) == [None]
    assert await look() is None


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
        PromotionKeeper(Confirmed(), "test").look_after(connection, serving)
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
    await log_each(9, score=0.75, passed=True)
    await promote_repair(connection, await load_active())
    assert (await load_active()).version == 100
    await log_each(9, version=100, score=0.75, passed=True)
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
    assert detail["confirmations"] == 1
    assert {"cleared_at", "cleared_row", "dismissed"} <= detail.keys()
    confirm.answer = True
    await log_each(9, version=100)
    assert await look() is None
    assert confirm.asked == [(BEFORE, 5)]
    await log_each(1, version=100)
    assert await look() is not None
    assert (confirm.numbers, confirm.asked[1:]) == ([1, 1], [(BEFORE, 10)])
    assert (await load_active()).version == 101
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert {"cleared_at", "outcome"} <= detail.keys()


async def test_what_replays_have_won_is_kept_until_they_decide(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    look: LookAfter,
    confirm: Confirmed,
) -> None:
    confirm.gains = [1.0, 1.0, 1.0]
    await log_each(5, version=100)
    with capture_logs() as logs:
        assert await look() is None
    assert events(logs) == ["promotion_watched", "watch_alarm_undecided"]
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert detail["wagers"]["before"]["gains"] == confirm.gains
    assert "dismissed" not in detail
    await log_each(4, version=100, **PASS)
    assert await look() is None
    assert len(confirm.asked) == 1, "too few further answers to replay"
    await log_each(1, version=100, **PASS)
    confirm.gains = [1.0, 1.0]
    outcome = await look()
    assert outcome is not None
    assert (outcome.decision, confirm.numbers) == ("rolled_back", [1, 1])
    assert confirm.asked[1] == (BEFORE, 10)


async def test_what_has_lost_is_dismissed_and_the_next_bet_begins_anew(
    connection: Connection,
    promoted: None,
    log_each: LogEach,
    look: LookAfter,
    confirm: Confirmed,
) -> None:
    confirm.gains = [1.0, 1.0, 1.0]
    await log_each(5, version=100)
    await look()
    confirm.gains = [-1.0, -1.0, -1.0]
    await log_each(5, version=100)
    await look()
    detail = await connection.fetchval("SELECT detail FROM selfheal.watches")
    assert (detail["wagers"], detail["opened"], len(detail["dismissed"]["before"])) == ({}, 1, 1)
    await log_each(12, version=100)
    confirm.gains = [1.0] * 5
    await look()
    assert confirm.numbers == [1, 1, 2]
    assert await watches(connection) == [None], "a second bet takes more"


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
    confirm.answer = True
    assert await look() is not None
    assert confirm.numbers == [1, 1]


async def test_replays_that_broke_off_have_spent_their_share_of_the_error_rate(
    promoted: None, log_each: LogEach, look: LookAfter, confirm: Confirmed
) -> None:
    confirm.answer = None
    await log_each(5, version=100)
    assert await look() is None
    confirm.answer = True
    assert await look() is not None
    assert confirm.numbers == [1, 2]


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
