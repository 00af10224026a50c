"""What the Optimizer reads: active prompts, the window that counts, and the history."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from services.common.models import Prompt
from services.optimizer.app.services.failure_log import (
    MAX_WINDOW_ROWS,
    load_active_prompts,
    load_history,
    load_window,
)
from services.optimizer.app.services.log_records import LoggedResult, PastPrompt

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
Age = Callable[..., Awaitable[None]]
LoadActive = Callable[[], Awaitable[Prompt]]

FAST_INSERT = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, prompt_version, evaluation_score, evaluation_passed
    ) SELECT gen_random_uuid(), 'code_generation', 'x', 99, 0.3, FALSE FROM generate_series(1, $1)
"""


@pytest.fixture
def load_results(
    connection: Connection, load_active: LoadActive
) -> Callable[..., Awaitable[list[LoggedResult]]]:
    async def load(*, lookback_minutes: int = 30) -> list[LoggedResult]:
        prompt = await load_active()
        return await load_window(connection, prompt, lookback_minutes=lookback_minutes)

    return load


LoadResults = Callable[..., Awaitable[list[LoggedResult]]]


async def test_each_task_type_is_served_by_its_highest_active_version(
    connection: Connection, deploy: Deploy
) -> None:
    await deploy("letters", version=3, task_type="letters")
    await connection.execute(
        """
        INSERT INTO prompts (task_type, content, version, is_active) VALUES
            ('code_generation', 'higher', 5, TRUE),
            ('code_generation', 'lower', 4, TRUE),
            ('code_generation', 'highest, and not active', 9, FALSE),
            ('letters', 'the same version again', 3, TRUE),
            ('poems', 'not active', 1, FALSE)
        """
    )
    prompts = await load_active_prompts(connection)
    assert [(prompt.task_type, prompt.content) for prompt in prompts] == [
        ("code_generation", "higher"),
        ("letters", "the same version again"),
    ]


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
    await connection.execute(FAST_INSERT, MAX_WINDOW_ROWS + 5)
    await log_result("newest")
    results = await load_results()
    assert len(results) == MAX_WINDOW_ROWS
    assert results[0].user_input == "newest"


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
    assert await load_history(connection, await load_active()) == [
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
    assert history[:2] == [
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
