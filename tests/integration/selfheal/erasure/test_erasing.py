"""A person's texts are gone from the whole database, and nobody else's are."""

import asyncio
import hashlib
import json
import stat
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr
from support.rollouts import open_rollout

from selfheal.erasure import erasing, golden_inputs, statements
from services.common.database import Database
from services.common.personal.names import hash_name
from services.common.record.leases import Lease
from services.common.schemas import EvaluationResponse
from services.common.settings.door import DoorSettings
from services.common.task_types import GoldenInputs
from services.manager.app.log.landing import Lander
from services.manager.app.log.rows import Execution, Row, encode_row, insert_row
from services.manager.app.log.spool.framing import frame
from services.manager.app.log.spool.spool import Spool
from services.manager.app.log.spool.state import list_segments
from services.manager.app.scoring.claims import PendingScores
from services.optimizer.app.services.heal.report_parts import describe_inputs
from services.optimizer.app.services.log.answers import load_results
from services.optimizer.app.services.proof.trial import plan_trial

KEY = SecretStr("a key of 256 bits, let us say so")
NAME = "ann@example.com"
MARKER = "zebra-77"
TEXT = f"Write to {MARKER} about my illness, please."
LONG = f"{MARKER} " + "and so on " * 40
QUOTED = f"Answer as in: {TEXT}"
INSERT_RUN = """
    INSERT INTO selfheal.healing_runs (task_type, incumbent_prompt_id, decision, reason, detail)
    VALUES ('code_generation', 1, 'held', 'budget', $1)
"""


async def fill(town: Any) -> UUID:
    """Have a text of Ann's in every place that it can get to; gives a request of the guide's."""
    connection = town.connection
    settings = {"selfheal": {"end_user": "ann"}}
    function = {"name": "f", "description": TEXT}
    tools = [{"type": "function", "function": function}]
    await town.ask(TEXT, tools=tools, metadata={"note": TEXT})
    request_id = await town.ask(LONG, **settings)
    at_the_guides_route = uuid4()
    execution = Execution(at_the_guides_route, "code_generation", TEXT, TEXT, 1, TEXT)
    await insert_row(connection, Row(execution))
    rows = await load_results(
        connection, "code_generation", 1, start=datetime(2020, 1, 1, tzinfo=UTC)
    )
    assert len(rows) == 2
    trial = plan_trial(rows, GoldenInputs(), rows)
    detail = {
        "summary": 'It wasn\'t run: it has words from requests or answers: "zebra-77 illness".',
        "inputs": describe_inputs(trial),
        "no_repair": {"inputs": [LONG[:200]], "nearest": [{"mends": [LONG[:200].strip()]}]},
        "cost": {"worker_calls": 3},
    }
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version, is_active, change_reason) "
        "VALUES ('code_generation', $1, 0, FALSE, $1)", QUOTED,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO optimization_reports (task_type, before_prompt_version, "
        "before_prompt_content, after_prompt_version, after_prompt_content, failure_analysis) "
        "VALUES ('code_generation', 1, $1, 2, $1, $2)", QUOTED, detail,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO selfheal.candidates (task_type, content, strategy, incumbent_prompt_id) "
        "VALUES ('code_generation', $1, 'reflection', 1)", QUOTED,
    )  # fmt: skip
    await connection.execute(INSERT_RUN, detail)
    await connection.execute(
        "INSERT INTO selfheal.watches (task_type, prompt_id, before_prompt_id, detail) "
        "VALUES ('code_generation', 1, 1, $1)", detail,
    )  # fmt: skip
    rollout_id = await open_rollout(connection, content=QUOTED)
    await connection.execute(
        "UPDATE selfheal.rollouts SET ended_at = now(), outcome = 'aborted', reason = $2, "
        "detail = $3 WHERE id = $1", rollout_id, QUOTED, detail,
    )  # fmt: skip
    await connection.execute(
        "INSERT INTO selfheal.jobs (kind, content, reason, error, requested_by) "
        "VALUES ('draft', $1, $1, $1, 'op')", QUOTED,
    )  # fmt: skip
    fingerprint = next(iter(detail["inputs"]["used"].values()))["fingerprint"]
    await connection.execute(
        "WITH w AS (INSERT INTO selfheal.wagers (task_type, incident, incumbent_digest, "
        "candidate_digest, number, alpha) VALUES ('code_generation', 0, 'a', 'b', 1, 0.1) "
        "RETURNING id) INSERT INTO selfheal.wager_inputs (wager_id, input_digest, gain) "
        "SELECT id, $1, 0.5 FROM w", fingerprint,
    )  # fmt: skip
    for headers, content in (
        ({"x-selfheal-request-id": str(request_id)}, TEXT),
        ({}, json.dumps({"request_id": str(at_the_guides_route), "worker_output": TEXT},
                        separators=(",", ":"))),
    ):  # fmt: skip
        await connection.execute(
            "INSERT INTO selfheal.idempotent_calls (api_key, route, task_type, key_sha256, "
            "body_sha256, holder, held_until, status, headers, content) "
            "VALUES ('', $1, 't', 'k', 'b', gen_random_uuid(), now(), 200, $2, $3)",
            str(uuid4()), headers, content.encode(),
        )  # fmt: skip
    return at_the_guides_route


async def test_nothing_of_a_person_is_left_in_any_column_of_any_table(town: Any) -> None:
    request_id = await fill(town)
    await town.ask("Bob's own question, which is another.", "bob")
    places = {
        *(f"execution_logs.{name}" for name in (
            "user_input", "refined_input", "worker_output", "evaluation_detail", "error_message")),
        *(f"selfheal.conversations.{name}" for name in (
            "messages", "tools", "parameters", "choices", "session_id", "tags")),
        "prompts.content", "prompts.change_reason", "optimization_reports.failure_analysis",
        "optimization_reports.before_prompt_content", "optimization_reports.after_prompt_content",
        "selfheal.candidates.content", "selfheal.healing_runs.detail", "selfheal.watches.detail",
        "selfheal.rollouts.content", "selfheal.rollouts.reason", "selfheal.rollouts.detail",
        "selfheal.jobs.content", "selfheal.jobs.reason", "selfheal.jobs.error",
        "selfheal.audit.after", "selfheal.audit.before", "selfheal.idempotent_calls.content",
    }  # fmt: skip
    assert await town.find(MARKER) == places

    seen = await town.erase("ann", request_id, is_dry=True)
    assert await town.find(MARKER) == places
    assert await town.connection.fetchval("SELECT count(*) FROM selfheal.pending_scores") == 3

    receipt = await town.erase("ann", request_id)
    assert await town.find(MARKER) == set()
    assert receipt.left == []
    assert receipt.removed == seen.removed
    assert receipt.removed["execution_logs"] == 3
    assert receipt.removed["selfheal.idempotent_calls"] == 2
    assert receipt.removed["selfheal.wager_inputs"] == 1
    assert await town.find("Bob's own question") == {
        *(place for place in places if place.startswith(("execution_logs", "selfheal.conv"))),
    } - {"selfheal.conversations.tools", "selfheal.conversations.parameters"}
    assert (await town.erase("ann", request_id)).removed["execution_logs"] == 1


async def test_of_two_who_sent_the_same_each_keeps_their_own_row(town: Any) -> None:
    await town.ask(TEXT, "ann")
    await town.ask(TEXT, "bob")
    detail = {"inputs": {"used": {"failing-choosing-1": {"text": TEXT}}}}
    await town.connection.execute(INSERT_RUN, detail)
    await town.erase("ann")

    kept = await town.connection.fetch("SELECT user_input FROM execution_logs ORDER BY id")
    assert [row["user_input"] for row in kept] == ["", TEXT]
    # Nobody can tell whose it was in a report.
    assert "selfheal.healing_runs.detail" not in await town.find(MARKER)
    await town.erase("bob")
    assert await town.find(MARKER) == set()


async def test_figures_stay(town: Any) -> None:
    await town.ask(TEXT)
    unit = await town.connection.fetchval("SELECT unit FROM selfheal.rollout_answers")
    await town.erase()

    row = await town.connection.fetchrow(
        "SELECT * FROM execution_logs JOIN selfheal.conversations ON execution_id = id"
    )
    figures = ("evaluation_score", "evaluation_passed", "worker_latency_ms", "prompt_version",
               "input_tokens", "output_tokens", "provider", "model_answered")  # fmt: skip
    assert [row[name] for name in figures] == [0.5, False, 40, 1, 7, 5, "openai", "gpt-x"]
    assert row["error_message"] == "worker_failed"
    detail = row["evaluation_detail"]
    rollout = detail["worker"].pop("rollout")
    assert detail["removed"].pop("at")
    assert detail == {
        "worker": {"model": "gpt-x", "arm": "incumbent"},
        "execution": {"status": "ran"},
        "judge": {"name": "gpt-j", "score": 0.5},
        "rules": [{"name": "parses", "outcome": "failed"}],
        "evaluator": {"fingerprint": "f1"},
        "removed": {"by": "selfheal erase"},
    }
    answer = await town.connection.fetchrow("SELECT * FROM selfheal.rollout_answers")
    assert (str(answer["rollout_id"]), answer["arm"]) == (rollout, "incumbent")
    assert len(answer["unit"]) == len(unit) == 16
    assert answer["unit"] != unit


@pytest.mark.parametrize(
    ("settings", "body"),
    [
        pytest.param({"end_user_key": None}, {}, id="hashed before there was a key"),
        pytest.param({"end_user": "plain"}, {}, id="plain"),
        pytest.param({}, {"selfheal": {}, "user": NAME}, id="named by OpenAI's field alone"),
        pytest.param({}, {"selfheal": {}, "safety_identifier": NAME}, id="and by its newer one"),
    ],
)
async def test_a_person_is_found_however_they_are_named(
    town: Any, settings: dict[str, Any], body: dict[str, Any]
) -> None:
    made = DoorSettings(**{"end_user_key": KEY, **settings})
    await town.ask(TEXT, NAME, settings=made, **body)
    await town.erase(NAME)
    for gone in (MARKER, NAME, hashlib.sha256(NAME.encode()).hexdigest()):
        assert await town.find(gone) == set()


async def test_the_audit_says_who_erased_and_not_whom(town: Any) -> None:
    await town.ask(TEXT, NAME)
    receipt = await town.erase(NAME)
    events = await town.connection.fetch(
        "SELECT * FROM selfheal.audit WHERE object LIKE 'person %' ORDER BY id"
    )
    assert [event["action"] for event in events] == ["erasing", "erase"]
    assert {event["object"] for event in events} == {f"person {receipt.person}"}
    assert receipt.person == hash_name("ann@example.com", KEY)
    assert events[0]["after"] == {"task_types": ["code_generation"]}
    assert events[1]["after"]["removed"]["execution_logs"] == 1
    assert await town.find(NAME) == set()


async def test_what_was_cut_off_goes_on_when_it_is_run_again(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "BATCH_ROWS", 1)
    for number in range(3):
        await town.ask(f"{TEXT} {number}")
    await town.connection.execute(
        "INSERT INTO selfheal.candidates (task_type, content, strategy, incumbent_prompt_id) "
        "SELECT 'code_generation', 'As in: ' || user_input, 'x', 1 FROM execution_logs"
    )

    class PulledPlugError(Exception):
        pass

    def pull_the_plug(_: str) -> None:
        raise PulledPlugError

    eraser = erasing.Eraser(town.connection, town.connect, "cli:op", pull_the_plug)
    with pytest.raises(PulledPlugError):
        await eraser.erase(town.person("ann"), spool=town.spool, golden=town.golden)
    left = await town.connection.fetchval(
        "SELECT count(*) FROM execution_logs WHERE user_input <> ''"
    )
    assert left == 2
    assert "selfheal.candidates.content" in await town.find(MARKER)

    receipt = await town.erase()
    assert receipt.removed["execution_logs"] == 2
    assert await town.find(MARKER) == set()


async def test_what_an_older_prompt_says_is_not_theirs(town: Any) -> None:
    [serving] = await town.connection.fetch("SELECT * FROM prompts WHERE is_active")
    words = serving["content"].splitlines()[1]
    await town.ask(words)
    receipt = await town.erase()
    assert receipt.left == []
    now = await town.connection.fetchval("SELECT content FROM prompts WHERE is_active")
    assert now == serving["content"]
    assert await town.connection.fetchval("SELECT user_input FROM execution_logs") == ""


async def test_a_text_that_serves_stays_with_the_rows_that_say_it_until_another_serves(
    town: Any,
) -> None:
    await town.ask(TEXT)
    await town.ask("Something else, of some length.")
    await town.connection.execute("UPDATE prompts SET is_active = FALSE")
    await town.connection.execute(
        "INSERT INTO prompts (task_type, content, version) VALUES ('code_generation', $1, 2)",
        QUOTED,
    )
    receipt = await town.erase()
    [told] = receipt.left
    assert told.startswith("The prompt of code_generation that serves, version 2, holds a text")
    texts = await town.connection.fetch("SELECT user_input FROM execution_logs ORDER BY id")
    assert [row["user_input"] for row in texts] == [TEXT, ""]

    await town.connection.execute("UPDATE prompts SET is_active = version = 1")
    assert (await town.erase()).left == []
    assert await town.find(MARKER) == set()


async def test_texts_that_serve_are_told_in_the_order_in_which_they_were_deployed(
    town: Any,
) -> None:
    await town.ask(TEXT)
    for task_type in ("b", "a"):
        await town.connection.execute(
            "INSERT INTO prompts (task_type, content) VALUES ($1, $2)",
            task_type,
            f"{QUOTED} In {task_type}.",
        )
    # A row that was updated stands behind the others.
    await town.connection.execute("UPDATE prompts SET change_reason = '' WHERE task_type = 'b'")
    receipt = await town.erase()
    assert [told.split(" that serves")[0] for told in receipt.left] == [
        "The prompt of b",
        "The prompt of a",
    ]


async def test_golden_inputs_that_hold_a_text_are_taken_out_and_short_ones_are_named(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "BATCH_ROWS", 1)
    file = town.golden / "letters" / "golden_inputs.json"
    file.parent.mkdir(parents=True)
    entries = [{"id": "one", "input": "Hi."}, {"id": "two", "input": "Another."}]
    talk = [{"role": "user", "content": f"Read: {TEXT}"}]
    theirs = [{"id": "x", "input": TEXT}, {"id": "y", "messages": talk}]
    file.write_text(written := json.dumps({"choosing": entries, "verdict": theirs}))
    file.chmod(0o644)
    torn = town.golden / "torn" / "golden_inputs.json"
    torn.parent.mkdir()
    torn.write_text("{")
    await town.ask("Hi.")
    await town.ask(TEXT)
    seen = await town.erase(is_dry=True)
    assert file.read_text() == written
    receipt = await town.erase()
    assert receipt.removed["golden_inputs.json"] == seen.removed["golden_inputs.json"] == 2
    assert json.loads(file.read_text()) == {"choosing": entries, "verdict": []}
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert receipt.left == seen.left
    assert receipt.left == [
        f"{file} holds a text that may be theirs: take out its golden input 'one' if it is.",
        f"{torn} can't be read: look into it.",
        f"{file} loses golden inputs: restart the system, which has them in memory.",
    ]


async def test_golden_inputs_that_cannot_be_written_are_named_and_stay(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = town.golden / "letters" / "golden_inputs.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"choosing": [], "verdict": [{"id": "x", "input": TEXT}]}))

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(golden_inputs, "write_private", refuse)
    await town.ask(TEXT)
    receipt = await town.erase()
    assert receipt.removed["golden_inputs.json"] == 0
    assert receipt.left == [
        f"{file} holds a text that may be theirs: take out its golden input 'x' if it is."
    ]


async def test_a_heal_that_has_the_texts_in_its_hands_is_waited_for(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would write them into its report after they were erased."""
    monkeypatch.setattr(erasing, "PAUSE_SECONDS", 0)
    await town.ask(TEXT)
    heal = Lease("heal code_generation", "optimizer", 60.0)
    async with town.connect() as optimizer:
        await heal.claim(optimizer)
        waits = asyncio.Event()
        eraser = erasing.Eraser(town.connection, town.connect, "cli:op", lambda _: waits.set())
        work = asyncio.create_task(
            eraser.erase(town.person("ann"), spool=town.spool, golden=town.golden)
        )
        await waits.wait()
        assert await optimizer.fetchval("SELECT user_input FROM execution_logs") == TEXT
        await optimizer.execute(INSERT_RUN, {"no_repair": {"inputs": [TEXT]}})
        await heal.release(optimizer)
        await work
    assert await town.find(MARKER) == set()
    assert await heal.claim(town.connection) is not None


async def test_a_score_that_is_under_way_brings_no_text_back(town: Any, database: Database) -> None:
    await town.ask(TEXT)
    pending = PendingScores(database, lease_seconds=60)
    claim = await pending.claim()
    assert claim is not None
    await town.erase()
    evaluation = EvaluationResponse(
        request_id=claim.request_id, score=1.0, passed=True, detail={"reasoning": TEXT}
    )
    await pending.keep_score(claim, evaluation, 1.0)
    assert await town.find(MARKER) == set()


async def test_a_spooled_row_lands_without_its_texts(town: Any, database: Database) -> None:
    ours, theirs = town.make_row(TEXT), town.make_row("Bob's own question.", "bob")
    spool = Spool(town.spool, max_bytes=1 << 20)
    for row in (ours, theirs):
        await spool.append(encode_row(row))
    held = await town.erase()
    assert held.removed["spool"] == 0
    [told] = held.left
    assert "is being landed: run this again" in told

    await spool.close()
    assert (await town.erase(is_dry=True)).removed["spool"] == 1
    assert MARKER in list_segments(town.spool)[0][0].read_text()
    receipt = await town.erase()
    assert (receipt.removed["spool"], receipt.left) == (1, [])
    again = await town.erase("ann", ours.execution.request_id)
    assert again.removed["spool"] == 0
    [(segment, _)] = list_segments(town.spool)
    assert MARKER not in segment.read_text()
    assert hash_name("ann", KEY) not in segment.read_text()

    await Lander(database, spool, lambda _: None).land()
    rows = await town.connection.fetch("SELECT * FROM execution_logs ORDER BY id")
    assert [row["user_input"] for row in rows] == ["", "Bob's own question."]
    assert [row["evaluation_score"] for row in rows] == [0.5, 0.5]
    assert await town.find(MARKER) == set()
    assert not list_segments(town.spool)


async def test_rows_that_were_put_aside_are_erased_and_what_cannot_be_read_is_named(
    town: Any,
) -> None:
    town.spool.mkdir()
    record = frame(encode_row(town.make_row(TEXT)))
    refused, damaged = (town.spool / f"1-a.{kind}" for kind in ("refused", "damaged"))
    refused.write_bytes(record + frame(b"of another version"))
    damaged.write_bytes(record + b"\xff no frame\n")
    receipt = await town.erase()
    assert receipt.removed["spool"] == 2
    [told] = receipt.left
    assert "holds lines that can't be read" in told
    left = [path.read_bytes() for path in sorted(town.spool.iterdir())]
    assert len(left) == 2
    assert not any(MARKER.encode() in content for content in left)
    assert any(b"of another version" in content for content in left)
    assert any(b"\xff no frame" in content for content in left)


async def test_a_persons_rows_are_found_by_indexes(town: Any) -> None:
    await town.connection.execute("SET enable_seqscan = off; SET enable_indexscan = off")
    plan = await town.connection.fetch(f"EXPLAIN {statements.SELECT_ROWS}", ["a", "b"], [uuid4()])
    told = "\n".join(row[0] for row in plan)
    for index in (
        "conversations_end_users",
        "conversations_users",
        "conversations_safety_identifiers",
        "execution_logs_requests",
    ):
        assert index in told, told
