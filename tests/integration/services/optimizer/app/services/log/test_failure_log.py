"""What the Optimizer reads: the window that counts, and the history."""

import dataclasses
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from support.rollouts import open_rollout

from services.common.models import Prompt
from services.common.record.prompts import load_active_prompts
from services.common.record.surprise import Record
from services.optimizer.app.services.log.answers import load_passing
from services.optimizer.app.services.log.failure_log import (
    MAX_WINDOW_ROWS,
    load_served,
    load_window,
)
from services.optimizer.app.services.log.log_records import (
    LoggedResult,
    PastPrompt,
    UnscoredCount,
)
from services.optimizer.app.services.log.prompt_history import load_history, load_previous_record

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
Age = Callable[..., Awaitable[None]]
LoadActive = Callable[[], Awaitable[Prompt]]

FAST_INSERT = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, prompt_version, evaluation_score, evaluation_passed
    ) SELECT gen_random_uuid(), 'code_generation', $2 || n * $3, 99, 0.3, FALSE
    FROM generate_series(1, $1) AS n
"""


@pytest.fixture
def load_results(
    connection: Connection, load_active: LoadActive
) -> Callable[..., Awaitable[list[LoggedResult]]]:
    async def load(*, lookback_minutes: int = 30) -> list[LoggedResult]:
        prompt = await load_active()
        window = await load_window(connection, prompt, lookback_minutes=lookback_minutes)
        return [dataclasses.replace(result, request_id="") for result in window.results]

    return load


LoadResults = Callable[..., Awaitable[list[LoggedResult]]]


def summarize(past: PastPrompt) -> PastPrompt:
    """A past prompt without its row and its time."""
    return PastPrompt(past.content, past.version, past.scored, past.passed)


async def test_a_result_is_read_whole(
    deploy: Deploy, log_result: LogResult, load_results: LoadResults
) -> None:
    await deploy()
    rules = [
        {"name": "contains_code", "outcome": "failed"},
        {"name": "gives_an_answer", "outcome": "passed"},
        {"name": "has_docstring", "outcome": "failed"},
    ]
    await log_result("ask", refined_input="Ask.", detail={"rules": rules})
    assert await load_results() == [
        LoggedResult("ask", "Ask.", 0.36, False, ("contains_code", "has_docstring"), "Hello World")
    ]


async def test_what_a_row_leaves_out_is_filled_in(
    deploy: Deploy, log_result: LogResult, load_results: LoadResults
) -> None:
    await deploy()
    await log_result("ask", output=None)
    assert await load_results() == [LoggedResult("ask", "ask", 0.36, False, (), "")]


@pytest.mark.parametrize(
    "detail",
    [
        pytest.param(None, id="null"),
        pytest.param([], id="a-list"),
        pytest.param("text", id="a-string"),
        pytest.param({"rules": None}, id="null-rules"),
        pytest.param({"rules": {"a": 1}}, id="rules-an-object"),
        pytest.param({"rules": ["a", None, 1]}, id="rules-of-other-kinds"),
        pytest.param({"rules": [{"name": "a"}]}, id="no-outcome"),
        pytest.param({"evaluator": "v1", "worker": ["m"]}, id="parts-of-other-kinds"),
        pytest.param({"evaluator": {"fingerprint": None}, "worker": {"model": None}}, id="nulls"),
        pytest.param({"rules": [{"outcome": "passed", "name": "\ud55c\u202e"}]}, id="odd-text"),
        pytest.param({"error": {"service": 1, "code": [2]}}, id="odd-error"),
        pytest.param({"x": {"y": [{"z": "deep " * 2_000}]}}, id="long-and-deep"),
    ],
)
async def test_any_detail_is_read_without_an_error(
    deploy: Deploy, log_result: LogResult, load_results: LoadResults, detail: Any
) -> None:
    await deploy()
    await log_result(detail=detail)
    [result] = await load_results()
    assert result.failed_rules == ()


@pytest.mark.parametrize(
    "row",
    [
        pytest.param({"score": None, "passed": None}, id="unscored"),
        pytest.param({"score": None}, id="without-a-score"),
        pytest.param({"passed": None}, id="without-a-verdict"),
        pytest.param({"score": float("nan")}, id="score-nan"),
        pytest.param({"score": float("inf")}, id="score-infinite"),
        pytest.param({"score": 7.0}, id="score-out-of-range"),
        pytest.param({"version": 1}, id="another-version"),
        pytest.param({"version": None}, id="no-version"),
        pytest.param({"task_type": "letters"}, id="another-task-type"),
        pytest.param({"minutes_ago": 31}, id="before-the-lookback"),
    ],
)
async def test_what_says_nothing_about_the_prompt_does_not_count(
    deploy: Deploy, log_result: LogResult, age: Age, load_results: LoadResults, row: dict[str, Any]
) -> None:
    await deploy()
    await age(minutes=600)
    await log_result("counts")
    await log_result("does not", **row)
    assert [result.user_input for result in await load_results()] == ["counts"]


async def test_the_lookback_is_the_setting_s(
    deploy: Deploy, log_result: LogResult, age: Age, load_results: LoadResults
) -> None:
    await deploy()
    await age(minutes=600)
    for minutes in (1, 29, 31, 119, 121):
        await log_result(f"{minutes}", minutes_ago=minutes)
    assert [result.user_input for result in await load_results()] == ["1", "29"]
    hours = await load_results(lookback_minutes=120)
    assert [result.user_input for result in hours] == ["1", "29", "31", "119"]


async def test_results_come_the_newest_first_and_not_without_end(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_results: LoadResults
) -> None:
    await deploy()
    await connection.execute(FAST_INSERT, MAX_WINDOW_ROWS + 5, "input ", 1)
    await log_result("newest")
    results = await load_results()
    assert len(results) == MAX_WINDOW_ROWS
    assert results[0].user_input == "newest"


async def test_a_flood_of_one_input_pushes_no_other_out(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_results: LoadResults
) -> None:
    """What is asked is what the refiner made of it; the newest answers are read."""
    await deploy()
    await log_result("rare", times=3)
    await connection.execute(FAST_INSERT, MAX_WINDOW_ROWS + 5, "x", 0)
    await log_result("other words", refined_input="x0", times=2)
    results = [result.user_input for result in await load_results()]
    assert results == ["other words"] * 2 + ["x0"] * 3 + ["rare"] * 3


async def test_failures_of_an_earlier_use_of_the_same_version_number_do_not_count(
    deploy: Deploy, log_result: LogResult, load_results: LoadResults
) -> None:
    await deploy(version=99)
    await log_result("before", times=5)
    await deploy(version=99)
    assert await load_results() == []
    await log_result("after")
    assert [result.user_input for result in await load_results()] == ["after"]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(
            "UPDATE prompts SET is_active = (version = 1);"
            "UPDATE prompts SET is_active = (version = 99)",
            id="activated-again",
        ),
        pytest.param("UPDATE prompts SET content = 'x' WHERE version = 99", id="edited-by-hand"),
    ],
)
async def test_failures_before_the_latest_activation_do_not_count(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    load_results: LoadResults,
    statement: str,
) -> None:
    await deploy()
    await log_result("before", times=5)
    await connection.execute(statement)
    assert await load_results() == []


async def test_the_history_is_what_served_before_with_its_record(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> None:
    seed = await load_active()
    await log_result(version=1, times=8, score=0.9, passed=True)
    await log_result(version=1, times=2)
    await log_result(version=1, score=None, passed=None)
    await deploy("worse", version=2)
    await log_result(version=2, times=3)
    await deploy("never scored", version=3)
    await deploy()
    await log_result()
    history = await load_history(connection, await load_active())
    assert [summarize(past) for past in history] == [
        PastPrompt("never scored", 3, scored=0, passed=0),
        PastPrompt("worse", 2, scored=3, passed=0),
        PastPrompt(seed.content, 1, scored=10, passed=8),
    ]


async def test_the_history_of_one_version_number_is_told_apart_by_time(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> None:
    await deploy("first", version=99)
    await log_result(times=3, score=0.9, passed=True)
    await deploy("second", version=99)
    await log_result(times=5)
    await deploy("third", version=99)
    history = await load_history(connection, await load_active())
    assert [summarize(past) for past in history[:2]] == [
        PastPrompt("second", 99, scored=5, passed=0),
        PastPrompt("first", 99, scored=3, passed=3),
    ]


async def test_the_history_has_no_other_task_types_and_not_what_serves(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy("letters", version=3, task_type="letters")
    await deploy()
    seed, bad = await connection.fetch(
        "SELECT content FROM prompts WHERE task_type = 'code_generation' ORDER BY id"
    )
    history = await load_history(connection, await load_active())
    assert [past.content for past in history] == [seed["content"]]
    assert bad["content"] not in [past.content for past in history]


async def test_who_judged_and_who_answered_are_read(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_results: LoadResults
) -> None:
    await deploy()
    await log_result(detail={"evaluator": {"fingerprint": "f1"}, "worker": {"model": "m1"}})
    [result] = await load_results()
    assert (result.fingerprint, result.model) == ("f1", "m1")
    window = await load_window(
        connection, (await load_active_prompts(connection))[0], lookback_minutes=30
    )
    assert window.results[0].request_id


async def test_a_long_answer_is_read_as_far_as_anyone_looks(
    deploy: Deploy, log_result: LogResult, load_results: LoadResults
) -> None:
    await deploy()
    await log_result(output="x" * 100_000)
    [result] = await load_results()
    assert len(result.worker_output) == 2_000


async def test_what_got_no_score_is_counted_by_service_and_code(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    age: Age,
    load_active: LoadActive,
) -> None:
    await deploy()
    await age(minutes=600)
    unscored = {"version": None, "score": None, "passed": None, "output": None}
    for times, service, code in ((3, "worker", "http_429"), (1, "evaluator", "unreachable")):
        detail = {"error": {"service": service, "code": code}}
        await log_result(times=times, detail=detail, **unscored)
    await log_result(times=2, detail=None, **unscored)
    await log_result(times=9, minutes_ago=31, **unscored)
    await log_result(times=9, task_type="letters", **unscored)
    window = await load_window(connection, await load_active(), lookback_minutes=30)
    assert window.unscored == (
        UnscoredCount("worker", "http_429", 3),
        UnscoredCount("", "", 2),
        UnscoredCount("evaluator", "unreachable", 1),
    )


async def test_what_came_before_the_window_is_told_apart_by_evaluator(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    age: Age,
    load_active: LoadActive,
) -> None:
    await deploy()
    await age(minutes=600)
    now, before = ({"evaluator": {"fingerprint": name}} for name in ("now", "before"))
    await log_result(times=2, detail=now)
    await log_result(times=3, detail=now, minutes_ago=60)
    await log_result(times=4, detail=now, minutes_ago=90, score=0.9, passed=True)
    await log_result(times=5, detail=before, minutes_ago=120, score=0.9, passed=True)
    await log_result(times=6, minutes_ago=130, score=0.9, passed=True)
    await log_result(times=7, detail=now, minutes_ago=700)
    window = await load_window(connection, await load_active(), lookback_minutes=30)
    assert (window.earlier, window.earlier_by_others) == (Record(7, 4), Record(11, 11))


async def test_the_previous_record_is_that_of_the_last_version_that_was_scored(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> None:
    assert await load_previous_record(connection, await load_active()) == Record()
    await log_result(version=1, times=4, score=0.9, passed=True)
    await deploy("never scored", version=3)
    await deploy()
    assert await load_previous_record(connection, await load_active()) == Record(4, 4)


async def test_passing_answers_are_those_of_this_prompt_and_of_the_one_before(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> None:
    await log_result("of the seed", version=1, score=0.9, passed=True)
    await log_result("failed", version=1)
    await deploy("worse", version=2)
    await log_result("failed too", version=2)
    await deploy()
    await log_result("of this one", score=0.9, passed=True)
    prompt = await load_active()
    passing = await load_passing(connection, prompt, await load_history(connection, prompt))
    assert [result.user_input for result in passing] == ["of this one", "of the seed"]


async def test_a_nul_does_no_harm(
    deploy: Deploy, log_result: LogResult, load_results: LoadResults
) -> None:
    """PostgreSQL refuses it in text; in a detail it is written otherwise."""
    await deploy()
    with pytest.raises(asyncpg.DataError):
        await log_result("nul \x00")
    await log_result(detail={"rules": [{"name": "nul \x00", "outcome": "failed"}]})
    [result] = await load_results()
    assert "\x00" not in result.failed_rules[0]


async def converse(connection: Connection, messages: Any, **values: Any) -> None:
    """Make the latest row one of the door."""
    await connection.execute(
        "INSERT INTO selfheal.conversations (execution_id, request_id, messages, model_asked,"
        " variables, inclusion_probability)"
        " SELECT id, request_id, $1, task_type, $2, $3 FROM execution_logs"
        " ORDER BY id DESC LIMIT 1",
        messages,
        values.get("variables", {}),
        values.get("probability"),
    )


async def test_what_was_asked_at_the_door_is_there_whole(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_results: LoadResults
) -> None:
    await deploy("bad")
    await log_result("yes")
    messages = [{"role": "assistant", "content": "Sure?"}, {"role": "user", "content": "yes"}]
    await converse(connection, messages, variables={"a": "b"}, probability=0.25)
    [found] = await load_results()
    assert found.conversation is not None
    assert (found.conversation.messages, found.conversation.variables) == (messages, {"a": "b"})
    assert (found.text, found.weight) == ("Sure?\nyes", 4.0)


async def test_a_conversation_too_large_to_replay_has_no_messages(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_results: LoadResults
) -> None:
    await deploy("bad")
    await log_result("yes")
    noise = "".join(sha256(b"%d" % n).hexdigest() for n in range(4_000))  # can't be compressed
    await converse(connection, [{"role": "user", "content": noise}])
    [found] = await load_results()
    assert found.conversation is not None
    assert not found.conversation.messages


async def test_a_row_that_waits_for_its_score_is_no_fault(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> None:
    await deploy("bad")
    await log_result("one", score=None, passed=None)
    await log_result("two", score=None, passed=None)
    await connection.execute(
        "UPDATE execution_logs SET error_message = NULL WHERE user_input = 'two'"
    )
    window = await load_window(connection, await load_active(), lookback_minutes=30)
    assert sum(one.times for one in window.unscored) == 1


async def test_of_a_share_that_was_scored_history_tells_the_rate_of_all(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> None:
    """Rules look at every answer, the judge at a tenth: five failures of a hundred and five."""
    await deploy("sampled", version=7)
    for passed, times, probability in ((False, 5, 1.0), (True, 10, 0.1)):
        for _ in range(times):
            await log_result(version=7, score=0.5, passed=passed)
            await converse(connection, [{"role": "user", "content": "x"}], probability=probability)
    await deploy("next", version=8)
    [past] = [one for one in await load_history(connection, await load_active()) if one.scored]
    assert (past.version, past.scored, past.passed) == (7, 15, 14)


BY_FALLBACK = {"worker": {"model": "other", "fallback": "openai:other"}}


async def test_what_a_model_that_stood_in_answered_counts_neither_for_nor_against_a_prompt(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    age: Age,
    load_active: LoadActive,
) -> None:
    good = {"score": 0.9, "passed": True}
    await age(minutes=1200)
    await log_result("of the seed", version=1, times=3, minutes_ago=900, **good)
    await log_result("of the seed", version=1, times=5, minutes_ago=900, detail=BY_FALLBACK)
    await deploy()
    await age(minutes=600)
    await log_result("now", times=2)
    await log_result("now, by another", times=4, detail=BY_FALLBACK)
    await log_result("before", times=2, minutes_ago=60, **good)
    await log_result("before", times=4, minutes_ago=60, detail=BY_FALLBACK, **good)
    await log_result("guard, by another", minutes_ago=50, detail=BY_FALLBACK, **good)
    prompt = await load_active()
    window = await load_window(connection, prompt, lookback_minutes=30)
    history = await load_history(connection, prompt)

    assert [result.user_input for result in window.results] == ["now", "now"]
    assert (window.earlier, window.by_other_models) == (Record(2, 2), ())
    assert [(past.scored, past.passed) for past in history] == [(3, 3)]
    assert await load_previous_record(connection, prompt) == Record(3, 3)
    passing = await load_passing(connection, prompt, history)
    assert {result.user_input for result in passing} == {"before", "of the seed"}


@pytest.mark.parametrize(
    "detail",
    [None, [], "fallback", {"worker": "fallback"}, {"worker": {"fallback": ""}}, {"worker": []}],
)
async def test_an_odd_detail_is_not_taken_for_a_fallbacks(
    connection: Connection, log_result: LogResult, detail: Any
) -> None:
    await log_result(detail=detail)

    assert await connection.fetchval("SELECT count(*) FROM selfheal.fallback_answers") == 0


async def test_answers_of_the_model_before_are_told_apart(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    age: Age,
    load_active: LoadActive,
) -> None:
    old, new = ({"worker": {"model": name}} for name in ("gpt-4", "gpt-5"))
    await deploy()
    await age(minutes=600)
    await log_result("new", times=3, detail=new)
    await log_result("unknown", detail=None, minutes_ago=1)
    await log_result("old", times=2, detail=old, minutes_ago=2, score=0.9, passed=True)
    await log_result("new", times=4, detail=new, minutes_ago=60, score=0.9, passed=True)
    await log_result("old", times=5, detail=old, minutes_ago=90, score=0.9, passed=True)
    window = await load_window(connection, await load_active(), lookback_minutes=30)

    assert window.model == "gpt-5"
    assert {result.user_input for result in window.results} == {"new", "unknown"}
    assert [result.user_input for result in window.by_other_models] == ["old", "old"]
    assert (window.earlier, window.earlier_by_other_models) == (Record(4, 4), Record(5, 5))


async def test_the_record_of_the_prompt_before_is_no_norm_for_another_model(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> None:
    old = {"worker": {"model": "gpt-4"}}
    await log_result(version=1, times=4, score=0.9, passed=True, detail=old)
    await deploy()
    prompt = await load_active()

    assert await load_previous_record(connection, prompt, model="gpt-4") == Record(4, 4)
    assert await load_previous_record(connection, prompt) == Record(4, 4)
    assert await load_previous_record(connection, prompt, model="gpt-5") == Record()


CANDIDATE_ARM = {"worker": {"rollout": str(UUID(int=1)), "arm": "candidate", "unit": "u"}}
INCUMBENT_ARM = {"worker": {"rollout": str(UUID(int=1)), "arm": "incumbent", "unit": "u"}}


async def test_a_person_who_takes_the_number_of_a_rollout_has_none_of_its_answers(
    deploy: Deploy,
    log_result: LogResult,
    load_results: LoadResults,
    connection: Connection,
    load_active: LoadActive,
) -> None:
    await open_rollout(connection)
    await deploy(version=2)
    await log_result("of the rollout", times=3, version=2, detail=CANDIDATE_ARM)
    await log_result("passed there", version=2, score=1.0, passed=True, detail=CANDIDATE_ARM)
    await log_result("of the person", version=2)
    prompt = await load_active()

    assert [result.user_input for result in await load_results()] == ["of the person"]
    assert await load_passing(connection, prompt, ()) == []


async def test_both_arms_count_apart_in_the_history(
    deploy: Deploy, log_result: LogResult, connection: Connection, load_active: LoadActive
) -> None:
    await open_rollout(connection)
    await log_result("a", times=2, version=1, score=1.0, passed=True, detail=INCUMBENT_ARM)
    await deploy(version=2)
    await log_result("b", times=3, version=2, detail=CANDIDATE_ARM)
    await log_result("c", times=4, version=2, score=1.0, passed=True)
    await deploy(version=3)

    history = await load_history(connection, await load_active())
    assert {past.version: past.record for past in history} == {1: Record(2, 2), 2: Record(4, 4)}


async def test_errors_on_the_candidates_arm_are_none_of_the_prompts(
    deploy: Deploy, log_result: LogResult, connection: Connection, load_active: LoadActive
) -> None:
    await deploy()
    error = {"error": {"service": "worker", "code": "model_unavailable"}}
    for arm, times in ((CANDIDATE_ARM, 3), (INCUMBENT_ARM, 2), ({}, 1)):
        await log_result(times=times, version=None, score=None, passed=None, detail=error | arm)

    window = await load_window(connection, await load_active(), lookback_minutes=30)
    assert window.unscored == (UnscoredCount("worker", "model_unavailable", 3),)


async def test_what_another_evaluator_scored_is_no_record_of_a_prompt(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> None:
    now, other = ({"evaluator": {"fingerprint": name}} for name in ("now", "other"))
    good = {"score": 0.9, "passed": True}
    await log_result(version=1, times=4, detail=other, **good)
    await log_result(version=1, times=3, detail=now)
    await log_result(version=1, detail=None, **good)
    await deploy()
    prompt = await load_active()

    assert await load_previous_record(connection, prompt) == Record(8, 5)
    assert await load_previous_record(connection, prompt, fingerprint="now") == Record(4, 1)
    [past] = await load_history(connection, prompt, fingerprint="now")
    assert (past.record, past.scored_by_others, past.passed_by_others) == (Record(4, 1), 4, 4)
    [past] = await load_history(connection, prompt, fingerprint="third")
    assert (past.record, past.scored_by_others, past.is_untried) == (Record(1, 1), 7, False)


async def test_what_a_prompt_served_is_read_the_oldest_first(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    age: Age,
    load_active: LoadActive,
) -> None:
    now, other = (
        {"evaluator": {"fingerprint": name}, "worker": {"model": "m"}} for name in ("now", "other")
    )
    await deploy()
    await age(minutes=600)
    await log_result("now", times=2, detail=now, distinct=True)
    await log_result("passed", minutes_ago=90, detail=now, score=0.9, passed=True)
    await log_result("other", times=5, minutes_ago=100, detail=other)
    await log_result("model", times=5, minutes_ago=110, detail={"worker": {"model": "n"}})
    await log_result("flood", times=9, minutes_ago=120, detail=now, score=0.9, passed=True)
    prompt = await load_active()
    window = await load_window(connection, prompt, lookback_minutes=30)
    served = await load_served(connection, prompt, window)

    assert [outcome.passed for outcome in served.recent] == [True] * 6 + [False] * 2
    assert [outcome.nth for outcome in served.recent] == [1, 2, 3, 4, 5, 1, 1, 1]
    assert (len(served.earlier), served.is_whole) == (0, True)


async def test_of_a_prompt_that_has_long_served_the_newest_answers_are_read(
    connection: Connection, deploy: Deploy, load_active: LoadActive
) -> None:
    await deploy()
    await connection.execute(FAST_INSERT, 2_600, "x", 1)
    prompt = await load_active()
    window = await load_window(connection, prompt, lookback_minutes=30)
    served = await load_served(connection, prompt, window)
    assert (len(served.earlier), len(served.recent), served.is_whole) == (2_000, 600, False)


async def test_rows_without_their_texts_count_and_are_never_replayed(
    connection: Connection, deploy: Deploy, log_result: LogResult, load_active: LoadActive
) -> None:
    await deploy()
    for number in range(12):
        await log_result(f"ask {number}", passed=True)
    await connection.execute(
        "UPDATE execution_logs SET user_input = '', refined_input = NULL, worker_output = NULL "
        "WHERE id % 4 <> 0"
    )
    prompt = await load_active()
    window = await load_window(connection, prompt, lookback_minutes=30)
    passing = await load_passing(connection, prompt, [])
    assert len(window.results) == len(passing) == 3
    assert all(row.user_input for row in (*window.results, *passing))
    served = await load_served(connection, prompt, window)
    # Each by itself: of answers to one input the newest few would count.
    assert len([*served.earlier, *served.recent]) == 12
