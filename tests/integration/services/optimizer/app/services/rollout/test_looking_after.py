"""A rollout on a real database: what serves a share of traffic goes on, or is ended."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.common.errors import DatabaseUnavailableError
from services.common.models import Prompt
from services.common.record.lost_candidates import load_lost
from services.common.record.outcomes import HealingOutcome
from services.common.record.rollouts.endings import abort, promote_rollout
from services.common.record.rollouts.rollout import Rollout, load_open_rollouts, load_rollouts
from services.common.record.rollouts.steps import pause, resume

Connection = asyncpg.Connection
Connect = Callable[[], Awaitable[Connection]]
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
LoadActive = Callable[[], Awaitable[Prompt]]
Optimize = Callable[..., Awaitable[dict[str, HealingOutcome]]]
Siblings = Any  # of the conftest, which can't be imported
Answer = Callable[..., Awaitable[None]]

STEPS = "0.1,0.5,1"
CANARY = HealingOutcome("canary", "better", 99, "prompt")
# What the gate never asked, without a word in common.
LATER = """amber basil cedar delta ember fjord grove haven inlet jetty knoll larch
    maple north
    apple bread clock dwarf eagle flute globe hotel igloo
    ocean pearl quail raven stone tulip umber vapor wheat xenon yacht zebra""".split()

# Those of services; the tests' own are a superuser's.
END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename <> current_user
"""


@pytest.fixture
def look(optimize: Optimize, siblings: Siblings) -> Optimize:
    """Runs the Optimizer once, in steps."""

    async def run(**values: Any) -> dict[str, HealingOutcome]:
        return await optimize(**{"canary_steps": STEPS, **values})

    return run


@pytest.fixture
async def rollout(
    connection: Connection, deploy: Deploy, log_result: LogResult, look: Optimize
) -> Rollout:
    """The guide's demo, whose repair serves a tenth of the traffic."""
    await deploy(version=99)
    await log_result(times=5)
    assert await look() == {"code_generation": CANARY}
    [found] = await load_open_rollouts(connection)
    return found


@pytest.fixture
def answer(log_result: LogResult, rollout: Rollout) -> Answer:
    """Logs pairs of answers, one on each arm, each of a unit of its own."""
    count = 0

    async def log(
        times: int = 1, *, candidate: float | None = 0.9, incumbent: float = 0.3, unit: str = ""
    ) -> None:
        nonlocal count
        for arm, score in [("incumbent", incumbent), ("candidate", candidate)] * times:
            count += 1
            worker = {"rollout": str(rollout.id), "arm": arm, "unit": unit or f"unit {count}"}
            await log_result(
                "Write a binary search function",
                version=100 if arm == "candidate" else 99,
                score=score,
                passed=None if score is None else score >= 0.7,
                detail={"worker": worker, "evaluator": {"fingerprint": "fake"}},
            )

    return log


async def ask(log_result: LogResult, rollout: Rollout, texts: list[str]) -> None:
    """Log what was asked and answered by what serves alone."""
    for text in texts:
        worker = {"rollout": str(rollout.id), "arm": "incumbent", "unit": text}
        await log_result(text, detail={"worker": worker})


async def state(connection: Connection) -> tuple[Any, ...]:
    [row] = await load_rollouts(connection, None, limit=5)
    return row.outcome, row.reason, row.step, round(row.share, 2)


async def run_of(connection: Connection) -> asyncpg.Record:
    [row] = await connection.fetch("SELECT * FROM selfheal.healing_runs")
    return row


async def test_a_proven_text_serves_a_share_first(
    connection: Connection, rollout: Rollout, load_active: LoadActive
) -> None:
    assert (await load_active()).version == 99
    assert (rollout.reserved_version, rollout.step, round(rollout.share, 2)) == (100, 0, 0.1)
    run = await run_of(connection)
    assert (run["decision"], run["id"], run["report_id"]) == ("canary", rollout.run_id, None)
    outcome = await connection.fetchval(
        "SELECT outcome FROM selfheal.candidates WHERE id = $1", rollout.candidate_id
    )
    assert outcome == "canary"  # so that nobody sweeps it away
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 0


async def test_without_an_answer_nothing_moves(
    connection: Connection, rollout: Rollout, look: Optimize
) -> None:
    for _ in range(3):
        assert await look() == {}
    assert await state(connection) == (None, "", 0, 0.1)


async def test_it_goes_on_step_by_step_and_is_promoted_at_the_last(
    connection: Connection,
    rollout: Rollout,
    answer: Answer,
    look: Optimize,
    load_active: LoadActive,
) -> None:
    await answer(20)
    advanced = HealingOutcome("canary", "canary_advanced", 99)
    assert await look() == {"code_generation": advanced}
    assert await state(connection) == (None, "", 1, 0.5)
    assert await look() == {}  # evidence begins anew
    assert await state(connection) == (None, "", 1, 0.5)
    await answer(20)
    assert await look() == {"code_generation": HealingOutcome("promoted", "better", 100)}
    serving = await load_active()
    assert (serving.version, serving.content) == (100, rollout.content)
    assert await state(connection) == ("promoted", "", 1, 0.5)
    run = await run_of(connection)
    assert (run["decision"], run["reason"]) == ("promoted", "better")
    assert [step["live_pairs"] for step in run["detail"]["rollout"]["figures"]] == [20, 20]
    report = await connection.fetchrow("SELECT * FROM optimization_reports")
    assert (report["id"], report["after_prompt_version"]) == (run["report_id"], 100)
    [watch] = await connection.fetch("SELECT * FROM selfheal.watches")
    assert (watch["prompt_id"], watch["report_id"]) == (serving.id, report["id"])


async def test_what_does_worse_is_aborted_and_not_tried_again(
    connection: Connection,
    rollout: Rollout,
    answer: Answer,
    look: Optimize,
    load_active: LoadActive,
) -> None:
    await answer(20, candidate=0.3, incumbent=0.9)
    assert await look() == {"code_generation": HealingOutcome("held", "canary_worse", 99)}
    assert await state(connection) == ("aborted", "canary_worse", 0, 0.1)
    run = await run_of(connection)
    assert (run["decision"], run["reason"]) == ("held", "canary_worse")
    assert run["detail"]["rollout"]["worse"] >= 50
    assert rollout.content in (await load_lost(connection, await load_active())).banned


async def test_only_the_first_answer_of_a_unit_counts(
    connection: Connection, rollout: Rollout, answer: Answer, look: Optimize
) -> None:
    await answer(60, unit="one user, who sends nine tenths of the traffic")
    await look()
    assert await state(connection) == (None, "", 0, 0.1)


async def test_answers_that_the_model_refuses_count_as_nothing(
    connection: Connection, rollout: Rollout, log_result: LogResult, look: Optimize
) -> None:
    for n in range(20):
        for arm in ("incumbent", "candidate"):
            refused = arm == "candidate"
            worker = {"rollout": str(rollout.id), "arm": arm, "unit": f"{arm} {n}"}
            await log_result(
                score=None if refused else 0.9,
                passed=None if refused else True,
                detail={"worker": worker, "error": {"service": "worker", "code": "cut"}},
            )
    await connection.execute(
        "UPDATE execution_logs SET error_message = 'refused' WHERE evaluation_passed IS NULL"
    )
    await look()
    assert await state(connection) == ("aborted", "canary_worse", 0, 0.1)


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


async def test_a_person_s_deployment_ends_it(
    connection: Connection, rollout: Rollout, deploy: Deploy, answer: Answer, look: Optimize
) -> None:
    await answer(20)
    await deploy("You write Python.", version=100)  # the number that was meant for us
    [outcome] = (await look()).values()
    assert (outcome.decision, outcome.reason, outcome.version) == ("held", "canary_superseded", 100)
    assert await state(connection) == ("superseded", "canary_superseded", 0, 0.1)


async def test_a_task_type_that_nobody_serves_ends_it(
    connection: Connection, rollout: Rollout, look: Optimize
) -> None:
    await connection.execute("UPDATE prompts SET is_active = FALSE")
    await look()
    assert (await state(connection))[0] == "superseded"


async def test_no_heal_begins_meanwhile(
    rollout: Rollout, log_result: LogResult, look: Optimize
) -> None:
    await log_result(times=9)
    with capture_logs() as logs:
        assert await look(is_continuous=True) == {}
    [postponed] = [entry for entry in logs if entry["event"] == "heal_postponed"]
    assert postponed["reason"] == "canary_open"


async def test_a_person_holds_it_and_lets_it_go_on(
    connection: Connection, rollout: Rollout, answer: Answer, look: Optimize
) -> None:
    await pause(connection, rollout.id, person="ada")
    await answer(20)
    assert await look() == {}
    assert await state(connection) == (None, "", 0, 0.0)
    resumed = await resume(connection, rollout.id, person="ada")
    assert (resumed.person, round(resumed.share, 2)) == ("ada", 0.1)
    await look()
    assert await state(connection) == (None, "", 1, 0.5)


async def test_a_person_ends_it_either_way(
    connection: Connection, rollout: Rollout, load_active: LoadActive
) -> None:
    ended, activation = await promote_rollout(connection, rollout, person="ada")
    assert (ended.outcome, ended.person, activation.version) == ("promoted", "ada", 100)
    assert "promoted by ada" in ((await load_active()).change_reason or "")
    with pytest.raises(Exception, match="has ended"):
        await abort(connection, rollout, "canary_aborted", person="ada")


async def test_rows_that_are_deleted_prove_nothing(
    connection: Connection, rollout: Rollout, answer: Answer, look: Optimize
) -> None:
    await answer(20)
    await connection.execute("DELETE FROM execution_logs WHERE evaluation_detail ? 'worker'")
    await look()
    assert await state(connection) == (None, "", 0, 0.1)


async def test_a_clock_that_jumps_changes_nothing(
    connection: Connection, rollout: Rollout, answer: Answer, look: Optimize
) -> None:
    await answer(10)
    await connection.execute(
        "UPDATE execution_logs SET created_at = created_at - interval '1 hour' WHERE id % 2 = 0"
    )
    await connection.execute(
        "UPDATE selfheal.rollouts SET started_at = started_at + interval '1 hour',"
        " step_started_at = step_started_at + interval '1 hour'"
    )
    await answer(10)
    await look()
    assert await state(connection) == (None, "", 1, 0.5)


async def test_ten_at_once_go_one_step(
    connection: Connection, rollout: Rollout, answer: Answer, look: Optimize
) -> None:
    await answer(20)
    await asyncio.gather(*(look() for _ in range(10)))
    assert await state(connection) == (None, "", 1, 0.5)
    await answer(20)
    runs = await asyncio.gather(*(look() for _ in range(10)))
    assert sum(bool(outcomes) for outcomes in runs) == 1
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 1
    assert (await state(connection))[0] == "promoted"


async def test_a_single_step_promotes_at_once(
    deploy: Deploy, log_result: LogResult, look: Optimize
) -> None:
    await deploy(version=99)
    await log_result(times=5)
    [outcome] = (await look(canary_steps="1", is_continuous=True)).values()
    assert outcome == HealingOutcome("promoted", "better", 100, "prompt")


async def test_the_continuous_mode_goes_step_by_step_by_itself(
    connection: Connection, deploy: Deploy, log_result: LogResult, look: Optimize
) -> None:
    await deploy(version=99)
    await log_result(times=5)
    [outcome] = (await look(canary_steps="", is_continuous=True)).values()
    assert outcome == CANARY
    [found] = await load_open_rollouts(connection)
    assert [round(share, 2) for share in found.steps] == [0.1, 0.5, 1]


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
    [row] = await load_rollouts(connection, None, limit=1)
    assert len(row.detail["evidence"]["replayed"]) == 4
    assert len(row.detail["evidence"]["steps"][0]["replays"]) == 4


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
    [row] = await load_rollouts(connection, None, limit=1)
    assert len(row.detail["evidence"]["replayed"]) == 4
    calls = len(siblings.tasks)
    assert await look() == {}
    [row] = await load_rollouts(connection, None, limit=1)
    assert len(row.detail["evidence"]["replayed"]) == 6
    assert len(siblings.tasks) == calls + 4


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("DELETE FROM execution_logs", id="both arms' rows"),
        pytest.param("TRUNCATE execution_logs RESTART IDENTITY", id="the whole log"),
        pytest.param("DELETE FROM selfheal.healing_runs", id="its run"),
        pytest.param("DELETE FROM selfheal.candidates", id="its candidate"),
        pytest.param(
            """UPDATE selfheal.rollouts SET detail = '{"evidence": 7, "repair": []}'""",
            id="its evidence",
        ),
        pytest.param(
            """UPDATE selfheal.rollouts SET detail = '{"shown": "much"}'""", id="all that it showed"
        ),
        pytest.param(
            "INSERT INTO prompts (task_type, content, version, is_active) VALUES"
            " ('code_generation', 'Far away.', 5000, FALSE), ('code_generation', 'Two.', 3, TRUE)",
            id="versions with gaps, of which two are active",
        ),
        pytest.param("DELETE FROM prompts WHERE NOT is_active", id="the good history"),
    ],
)
async def test_it_goes_on_whatever_a_person_does_to_the_tables(
    connection: Connection, rollout: Rollout, answer: Answer, look: Optimize, change: str
) -> None:
    await answer(5)
    await look()
    await connection.execute(change)
    outcomes: dict[str, HealingOutcome] = {}
    for _ in range(2):
        await answer(20)
        outcomes = await look()
    assert outcomes["code_generation"].decision == "promoted"
    assert (await state(connection))[0] == "promoted"


async def test_an_empty_table_of_prompts_ends_it(
    connection: Connection, rollout: Rollout, answer: Answer, look: Optimize
) -> None:
    await answer(20)
    await connection.execute("DELETE FROM prompts")
    assert await look() == {}
    assert (await state(connection))[0] == "superseded"


async def test_ten_at_once_begin_one(
    connection: Connection, deploy: Deploy, log_result: LogResult, look: Optimize
) -> None:
    await deploy(version=99)
    await log_result(times=5)
    await asyncio.gather(*(look() for _ in range(10)))
    assert len(await load_rollouts(connection, None, limit=9)) == 1
    # One whose lease ran out on a busy machine finds the canary open, and holds what it proved.
    runs = await connection.fetch("SELECT decision, reason FROM selfheal.healing_runs")
    assert [run["decision"] for run in runs].count("canary") == 1
    assert {run["reason"] for run in runs if run["decision"] != "canary"} <= {"canary_open"}


async def test_who_asks_to_be_asked_promotes_a_canary_themselves(
    connection: Connection, rollout: Rollout, answer: Answer, look: Optimize
) -> None:
    for _ in range(2):
        await answer(20)
        await look(optimizer_mode="propose")
    assert await state(connection) == (None, "", 0, 0.1)
    [found] = await load_open_rollouts(connection)
    assert found.detail["shown"]["no_worse"] > 50
    await promote_rollout(connection, found, person="ada")
    assert (await run_of(connection))["decision"] == "promoted"


async def test_who_asks_to_be_asked_is_not_asked_to_end_what_is_worse(
    connection: Connection, rollout: Rollout, answer: Answer, look: Optimize
) -> None:
    await answer(20, candidate=0.3, incumbent=0.9)
    await look(optimizer_mode="propose")
    assert (await state(connection))[:2] == ("aborted", "canary_worse")


# As a client's burst would be logged; without triggers, which take a minute.
FLOOD = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, prompt_version, worker_output, evaluation_score,
        evaluation_passed, evaluation_detail, error_message
    )
    SELECT gen_random_uuid(), 'code_generation', 'Request ' || n % 1000, 99, 'Hello World',
           CASE WHEN n % 2 = 0 THEN 0.36 END, CASE WHEN n % 2 = 0 THEN FALSE END, '{}',
           CASE WHEN n % 2 = 1 THEN 'worker_failed: refused' END
    FROM generate_series(1, 1000000) AS n
"""
ON_ONE_ARM = """
    INSERT INTO selfheal.rollout_answers
    SELECT id, $1, 'incumbent', 'somebody', created_at FROM execution_logs
    WHERE NOT evaluation_detail ? 'worker' AND id > $2
"""


@pytest.mark.slow
async def test_a_million_failures_of_one_user_are_one_voice(
    connection: Connection, rollout: Rollout, answer: Answer, look: Optimize
) -> None:
    newest = await connection.fetchval("SELECT max(id) FROM execution_logs")
    await answer(20)
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(FLOOD)
    await connection.execute(ON_ONE_ARM, rollout.id, newest)
    await connection.execute("SET session_replication_role = origin")
    assert await look() == {}
    assert await state(connection) == (None, "", 1, 0.5)
    await answer(20)
    assert (await look())["code_generation"].decision == "promoted"
