import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import pytest
from support.fault_proxy import FaultProxy
from support.stub_worker import HELLO, StubWorker, chunk, completion, usage_chunk

from selfheal.task_types.scaffold import write_scaffold
from services.common.metering.spending import SPENT_HEADER
from services.manager.app.door import client

Connection = asyncpg.Connection
ASK = {"model": "code_generation", "messages": [{"role": "user", "content": "Say hello."}]}


async def read_rows(connection: Connection) -> list[dict[str, Any]]:
    rows = await connection.fetch(
        "SELECT l.*, c.*, p.with_judge, p.rules_share, p.judge_share FROM execution_logs l"
        " LEFT JOIN selfheal.conversations c ON c.execution_id = l.id"
        " LEFT JOIN selfheal.pending_scores p ON p.execution_id = l.id ORDER BY l.id"
    )
    return [dict(row) for row in rows]


async def wait_for_row(connection: Connection) -> dict[str, Any]:
    async for _ in poll():
        if rows := await read_rows(connection):
            break
    [row] = rows
    return row


async def poll() -> AsyncIterator[None]:
    while True:
        yield
        await asyncio.sleep(0.01)


async def test_a_whole_answer_is_what_the_provider_said_under_our_id_and_the_clients_model(
    door: Any, worker: StubWorker
) -> None:
    status, body, headers = await door.ask()

    assert status == 200
    request_id = UUID(headers["x-request-id"])
    said = completion()
    assert body == said | {"id": f"chatcmpl-{request_id.hex}", "model": "code_generation"}
    ours = {name: headers[name] for name in headers if name.lower().startswith("x-selfheal")}
    assert {name.lower(): value for name, value in ours.items()} == {
        "x-selfheal-request-id": str(request_id),
        "x-selfheal-evaluation": f"/api/v1/requests/{request_id}",
        "x-selfheal-prompt-id": "1",
        "x-selfheal-prompt-version": "1",
        "x-selfheal-model": "gpt-x-2026",
    }
    [task] = worker.tasks
    assert task["request_id"] == str(request_id)
    assert task["task_type"] == "code_generation"


async def test_an_answer_is_one_row_with_its_conversation_and_its_mark(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    _, _, headers = await door.ask(
        temperature=0.5,
        user="ann",
        tools=[{"type": "function", "function": {"name": "greet"}}],
        selfheal={"session_id": "s1", "end_user": "ann", "tags": ["a"]},
    )

    [row] = await read_rows(connection)
    assert row["request_id"] == UUID(headers["x-request-id"])
    assert row["user_input"] == row["refined_input"] == "Say hello."
    assert row["worker_output"] == "Hello there."
    assert (row["prompt_version"], row["prompt_id"], row["prompt_digest"]) == (1, 1, "d" * 64)
    assert row["evaluation_score"] is row["evaluation_passed"] is row["error_message"] is None
    assert row["evaluation_detail"] == {"worker": {"model": "gpt-x-2026"}}
    assert row["messages"] == [{"role": "user", "content": "Say hello."}]
    assert row["tools"] == [{"type": "function", "function": {"name": "greet"}}]
    hashed = hashlib.sha256(b"ann").hexdigest()
    assert row["parameters"].pop("user") == row["end_user"] == hashed
    assert row["parameters"] == {"temperature": 0.5}
    assert row["choices"] == completion()["choices"]
    assert row["finish_reason"] == "stop"
    tokens = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens")
    assert [row[name] for name in tokens] == [12, 5, 4, 2]
    assert (row["provider"], row["model_asked"]) == ("openai", "code_generation")
    assert (row["model_answered"], row["session_id"], row["tags"]) == ("gpt-x-2026", "s1", ["a"])
    assert row["first_token_ms"] is None
    assert row["duration_ms"] == row["worker_latency_ms"] >= 0
    assert (row["with_judge"], row["rules_share"], row["judge_share"]) == (True, 1.0, 1.0)
    [task] = worker.tasks
    assert task["request"]["user"] == "ann"
    assert "selfheal" not in task["request"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_model_that_stood_in_is_told_to_the_client_and_kept(
    door: Any, worker: StubWorker, connection: Connection, streamed: bool
) -> None:
    worker.headers["x-selfheal-fallback"] = "openai:gpt-b"
    *_, headers = await (door.stream() if streamed else door.ask())

    assert headers["x-selfheal-fallback"] == "openai:gpt-b"
    [row] = await read_rows(connection)
    told = {"worker": {"model": "gpt-x-2026", "fallback": "openai:gpt-b"}}
    assert row["evaluation_detail"] == told


async def test_an_end_user_is_kept_by_a_hash_that_takes_the_key(
    start_door: Callable[..., Awaitable[Any]], connection: Connection, worker: StubWorker
) -> None:
    door = await start_door(end_user_key="k" * 32)
    await door.ask(user="ann", selfheal={"end_user": "ann"})

    [row] = await read_rows(connection)
    keyed = hmac.new(b"k" * 32, b"ann", "sha256").hexdigest()
    assert (row["end_user"], row["parameters"]) == (keyed, {"user": keyed})
    # So is the digest by which a canary's arm is drawn.
    [task] = worker.tasks
    assert task["unit"] == hmac.new(b"k" * 32, b"end_user:ann", "sha256").hexdigest()


@pytest.mark.parametrize(
    ("settings", "warns"),
    [({}, True), ({"end_user_key": "k" * 32}, False), ({"end_user": "plain"}, False)],
)
async def test_a_door_without_a_key_says_that_names_can_be_tried(
    start_door: Callable[..., Awaitable[Any]],
    log_entries: list[MutableMapping[str, Any]],
    settings: dict[str, str],
    warns: bool,
) -> None:
    await (await start_door(**settings)).ask()
    told = [entry["event"] for entry in log_entries if entry["log_level"] == "warning"]
    assert ("end_user_key_missing" in told) is warns


async def test_an_end_user_is_kept_by_name_where_that_is_wanted(
    start_door: Callable[..., Awaitable[Any]], connection: Connection
) -> None:
    door = await start_door(end_user="plain")
    await door.ask(user="ann", selfheal={"end_user": "Ann"})

    [row] = await read_rows(connection)
    assert (row["end_user"], row["parameters"]) == ("Ann", {"user": "ann"})


async def test_a_stream_comes_as_the_provider_gives_it_and_ends_with_done(door: Any) -> None:
    events, headers = await door.stream()

    assert headers["content-type"].startswith("text/event-stream")
    *chunks, done = events
    assert done == "[DONE]"
    own_id = f"chatcmpl-{UUID(headers['x-request-id']).hex}"
    assert {(event["id"], event["model"], event["created"]) for event in chunks} == {
        (own_id, "code_generation", 1_700_000_000)
    }
    assert [event["choices"] for event in chunks] == [event["choices"] for event in HELLO[:-1]]
    assert headers["x-selfheal-model"] == "gpt-x-2026"
    assert headers["x-selfheal-prompt-version"] == "1"


async def test_usage_ends_a_stream_where_it_is_asked_for(door: Any) -> None:
    events, _ = await door.stream(stream_options={"include_usage": True})

    *_, last, done = events
    assert (last["choices"], last["usage"], done) == ([], usage_chunk()["usage"], "[DONE]")


async def test_a_stream_is_logged_as_the_same_answer_whole(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    call = {"index": 0, "id": "c1", "type": "function"}
    worker.events = [
        chunk({"role": "assistant", "content": None}),
        chunk({"tool_calls": [{**call, "function": {"name": "greet", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"who":'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ' "Ann"}'}}]}),
        chunk({}, "tool_calls"),
        usage_chunk(),
    ]
    await door.stream()

    [row] = await read_rows(connection)
    message = row["choices"][0]["message"]
    function = {"name": "greet", "arguments": '{"who": "Ann"}'}
    assert message == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c1", "type": "function", "function": function}],
    }
    assert json.loads(row["worker_output"]) == message["tool_calls"]
    assert row["finish_reason"] == "tool_calls"
    assert row["first_token_ms"] is not None
    assert row["input_tokens"] == 12
    assert row["with_judge"] is True


async def test_what_ends_a_stream_leaves_after_the_row_is_committed(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    may_end = asyncio.Event()
    worker.events = [HELLO[0], HELLO[1], HELLO[3], may_end, HELLO[4]]
    async with door.post(stream=True) as response:
        first = [await read_event(response) for _ in range(2)]
        assert [event["choices"][0]["finish_reason"] for event in first] == [None, None]
        assert await read_rows(connection) == []
        may_end.set()
        last = await read_event(response)
        assert last["choices"][0]["finish_reason"] == "stop"
        assert len(await read_rows(connection)) == 1


async def read_event(response: Any) -> Any:
    return json.loads((await response.content.readuntil(b"\n\n")).removeprefix(b"data: "))


async def test_choices_end_apart_and_none_waits_for_another(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    worker.events = [
        chunk({"role": "assistant", "content": "a"}),
        chunk({}, "stop"),
        chunk({"role": "assistant", "content": "b"}, index=1),
        chunk({}, "length", index=1),
    ]
    events, _ = await door.stream(n=2)

    reasons = [event["choices"][0]["finish_reason"] for event in events[:-1]]
    assert reasons == [None, None, "stop", "length"]
    [row] = await read_rows(connection)
    assert [choice["message"]["content"] for choice in row["choices"]] == ["a", "b"]
    assert row["finish_reason"] == "stop"


async def test_a_failed_provider_is_an_error_and_an_unmarked_row(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    worker.fail(503, "model_rate_limited", "Wait a little.", Retry_After="7")
    for changes in ({}, {"stream": True}):
        status, body, headers = await door.ask(**changes)
        assert status == 429
        assert body["error"] == {
            "message": "Wait a little.",
            "type": "rate_limit_error",
            "param": None,
            "code": "model_rate_limited",
        }
        assert headers["retry-after"] == "7"
        assert "x-should-retry" not in headers
        assert headers["x-selfheal-evaluation"].endswith(headers["x-request-id"])

    for row in await read_rows(connection):
        assert row["error_message"] == "worker_failed: The worker answered: Wait a little."
        assert row["evaluation_detail"]["error"] == {
            "service": "worker",
            "code": "model_rate_limited",
        }
        assert row["with_judge"] is None
        assert row["choices"] is None


async def test_a_retry_is_not_asked_for_where_it_cannot_help(door: Any, worker: StubWorker) -> None:
    for code, status in (
        ("model_rejected", 502),
        ("model_quota_spent", 429),
        ("model_content_filtered", 502),
        ("model_refused_request", 400),
    ):
        worker.fail(502, code)
        got, body, headers = await door.ask()
        assert (got, body["error"]["code"]) == (status, code)
        assert headers["x-should-retry"] == "false"


async def test_a_refused_request_names_its_field(door: Any, worker: StubWorker) -> None:
    told = {"message": "Bad schema.", "param": "tools", "code": "model_refused_request"}
    worker.fail(400, "model_refused_request", "Bad schema.")
    assert worker.failure is not None
    worker.failure[1]["param"] = "tools"
    status, body, headers = await door.ask()
    assert (status, headers["x-should-retry"]) == (400, "false")
    assert body["error"] == {**told, "type": "invalid_request_error"}

    worker.failure = None
    worker.events = [HELLO[0], {"error": told}]
    events, _ = await door.stream()
    assert events[-1]["error"] == {**told, "type": "invalid_request_error"}


async def test_a_failure_after_the_first_byte_ends_the_stream(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    error = {"message": "It went.", "type": "x", "param": None, "code": "model_unavailable"}
    worker.events = [HELLO[0], HELLO[1], {"error": error}]
    worker.breaks_off = True
    events, _ = await door.stream()

    assert len(events) == 3
    assert events[-1]["error"] == error | {"type": "server_error"}
    [row] = await read_rows(connection)
    assert row["choices"][0]["message"]["content"] == "Hello "
    assert row["evaluation_detail"]["error"]["code"] == "model_unavailable"
    assert row["with_judge"] is None


async def test_a_stream_that_breaks_off_is_an_error(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    worker.breaks_off = True
    events, _ = await door.stream()

    assert events[-1]["error"]["code"] == "worker_failed"
    assert "[DONE]" not in events
    assert not any(event.get("choices", [{}])[0].get("finish_reason") for event in events)
    [row] = await read_rows(connection)
    assert row["error_message"]


async def test_a_worker_that_is_gone_is_an_error(
    start_door: Callable[..., Awaitable[Any]], connection: Connection
) -> None:
    door = await start_door(worker_url="http://127.0.0.1:9")
    status, body, _ = await door.ask()
    assert (status, body["error"]["code"]) == (502, "worker_failed")
    [row] = await read_rows(connection)
    assert row["error_message"]


async def test_how_old_a_prompt_is_that_could_not_be_read_anew_is_told_in_a_header(
    door: Any, worker: StubWorker
) -> None:
    assert "x-selfheal-prompt-age" not in (await door.ask())[2]
    worker.headers["x-selfheal-prompt-age"] = "7"
    assert (await door.ask())[2]["x-selfheal-prompt-age"] == "7"
    assert (await door.stream())[1]["x-selfheal-prompt-age"] == "7"


async def test_answers_of_the_time_without_a_database_are_scored_later(
    start_door: Callable[..., Awaitable[Any]], connection: Connection, database_url: str
) -> None:
    port = urlsplit(database_url).port or 0
    proxy = FaultProxy(port)
    await proxy.open()
    door = await start_door(database_url=database_url.replace(f":{port}", f":{proxy.port}"))
    async with proxy.down():
        status, _, headers = await door.ask()
        events, _ = await door.stream()
        assert (status, events[-1]) == (200, "[DONE]")
        assert await read_rows(connection) == []
    async with asyncio.timeout(30):
        while len(await read_rows(connection)) < 2:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)
    shown = await door.show(headers["x-selfheal-request-id"])
    assert shown["evaluation"] == "pending"
    assert shown["conversation"]["prompt_id"] == 1
    await proxy.close()


async def test_no_answer_ends_where_its_row_cannot_be_committed(
    start_door: Callable[..., Awaitable[Any]], connection: Connection
) -> None:
    door = await start_door(log_when_away="refuse")
    await connection.execute("ALTER TABLE selfheal.conversations RENAME TO elsewhere")
    try:
        status, body, _ = await door.ask()
        assert (status, body["error"]["code"]) == (503, "database_unavailable")
        assert body["error"]["type"] == "server_error"
        events, _ = await door.stream()
    finally:
        await connection.execute("ALTER TABLE selfheal.elsewhere RENAME TO conversations")

    assert events[-1]["error"]["code"] == "database_unavailable"
    assert not any(event.get("choices", [{}])[0].get("finish_reason") for event in events)
    assert await read_rows(connection) == []


async def test_a_client_that_hangs_up_ends_the_call_and_leaves_a_row_that_counts_for_nothing(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    worker.events = [HELLO[0], HELLO[1], asyncio.Event()]
    async with asyncio.timeout(10):
        async with door.post(stream=True) as response:
            await read_event(response)
            await read_event(response)
            response.close()
        await worker.was_left.wait()
        row = await wait_for_row(connection)
    assert row["finish_reason"] == "client_closed"
    assert row["choices"][0]["message"]["content"] == "Hello "
    assert row["prompt_version"] == 1
    assert row["error_message"] is row["with_judge"] is row["evaluation_passed"] is None
    assert (await door.show(str(row["request_id"])))["evaluation"] == "client_closed"


async def test_a_client_that_hangs_up_before_the_answer_ends_the_call(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    worker.goes_on.clear()
    asking = asyncio.create_task(door.ask())
    async with asyncio.timeout(10):
        await worker.was_asked.wait()
        asking.cancel()
        await worker.was_left.wait()
        row = await wait_for_row(connection)
    assert (row["finish_reason"], row["choices"]) == ("client_closed", None)


async def test_a_stream_that_the_end_of_the_process_cuts_leaves_its_row(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    worker.events = [HELLO[0], HELLO[1], asyncio.Event()]
    async with asyncio.timeout(20), door.post(stream=True) as response:
        await read_event(response)
        await read_event(response)
        door.server.should_exit = True
        await worker.was_left.wait()
        row = await wait_for_row(connection)
        last = (await response.read()).decode()
    assert "The service is being stopped" in last
    assert "[DONE]" not in last
    assert row["finish_reason"] == "client_closed"
    assert row["choices"][0]["message"]["content"] == "Hello "


async def test_an_unknown_model_names_those_there_are_and_leaves_no_row(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    body = {"code": "unknown_task_type", "message": "No.", "request_id": "1"}
    known = {"task_type": "gpt-x", "known_task_types": ["code_generation"]}
    worker.failure = 404, body | known, {}
    status, body, headers = await door.ask(model="gpt-x")

    assert status == 404
    assert body["error"]["code"] == "model_not_found"
    assert body["error"]["param"] == "model"
    assert "code_generation" in body["error"]["message"]
    assert headers["x-should-retry"] == "false"
    assert await read_rows(connection) == []


async def test_models_are_task_types_with_an_active_prompt(
    door: Any, connection: Connection
) -> None:
    await connection.execute(
        "INSERT INTO prompts (task_type, content, version, is_active) VALUES"
        " ('old', 'x', 1, FALSE), ('new', 'x', 1, TRUE), ('new', 'x', 2, TRUE)"
    )
    async with door.session.get("/v1/models") as response:
        models = await response.json()
    assert models["object"] == "list"
    assert [model["id"] for model in models["data"]] == ["code_generation", "new"]
    async with door.session.get("/v1/models/new") as response:
        assert await response.json() == models["data"][1]
    async with door.session.get("/v1/models/old") as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "model_not_found"


CHARGED = """
    SELECT purpose, model, calls, unpriced_calls, input_tokens, cached_tokens, output_tokens,
           cost_usd::text
    FROM selfheal.spending
"""


async def test_an_answer_is_charged_with_its_row_where_its_tokens_are_told(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    async def read_charge() -> tuple[Any, ...]:
        [row] = await connection.fetch(CHARGED)
        await connection.execute("DELETE FROM selfheal.spending")
        return tuple(row)

    worker.completion["model"] = "gpt-4.1-mini-2025-04-14"
    await door.ask()
    # 8 tokens at 0.40, 4 cached ones at 0.10, 5 written ones at 1.60 USD for a million.
    known = ("serving", "openai:gpt-4.1-mini-2025-04-14", 1, 0, 12, 4, 5, "0.0000116")
    assert await read_charge() == known
    [row] = await read_rows(connection)
    assert row["evaluation_detail"]["worker"]["cost_usd"] == 0.0000116
    await door.stream()
    assert await read_charge() == ("serving", "openai:gpt-x-2026", 1, 1, 12, 4, 5, "0")
    worker.events = [chunk({"content": "Hello "})]
    worker.breaks_off = True
    await door.stream()
    assert await read_charge() == ("serving", "openai:gpt-x-2026", 1, 1, 0, 0, 0, "0")
    told = '{"model": "openai:gpt-4.1-mini", "calls": 1, "input_tokens": 1000000}'
    worker.fail(502, "model_failed", **{SPENT_HEADER: told})
    await door.ask()
    assert await read_charge() == (
        "serving", "openai:gpt-4.1-mini", 1, 0, 1_000_000, 0, 0, "0.4"
    )  # fmt: skip
    worker.fail(503, "model_rate_limited")
    await door.ask()
    assert await connection.fetch(CHARGED) == []


async def test_what_became_of_a_request_can_be_asked(door: Any, connection: Connection) -> None:
    _, _, headers = await door.ask()
    shown = await door.show(headers["x-request-id"])

    assert shown["evaluation"] == "pending"
    assert shown["worker_output"] == "Hello there."
    assert shown["conversation"]["finish_reason"] == "stop"
    assert shown["conversation"]["usage"] == {
        "input_tokens": 12, "output_tokens": 5, "cached_tokens": 4, "reasoning_tokens": 2
    }  # fmt: skip
    await connection.execute("DELETE FROM selfheal.pending_scores")
    assert (await door.show(headers["x-request-id"]))["evaluation"] == "not_chosen"
    await connection.execute("UPDATE execution_logs SET error_message = 'x'")
    assert (await door.show(headers["x-request-id"]))["evaluation"] == "unscored"
    await connection.execute("UPDATE execution_logs SET evaluation_score = 0.5")
    assert (await door.show(headers["x-request-id"]))["evaluation"] == "scored"
    missing = await door.show("11111111-2222-4333-8444-555555555555")
    assert missing["code"] == "unknown_request"


async def test_a_task_type_says_which_variables_it_takes_and_who_leads(
    start_door: Callable[..., Awaitable[Any]],
    worker: StubWorker,
    tmp_path: Any,
    connection: Connection,
) -> None:
    await connection.execute("INSERT INTO prompts (task_type, content) VALUES ('greeting', 'Hi')")
    write_scaffold(tmp_path / "own", "greeting")
    definition = tmp_path / "own" / "greeting" / "task_type.toml"
    more = 'variables = ["customer", "today"]\nclient_system = "refuse"\n'
    definition.write_text(more + definition.read_text("utf-8"), "utf-8")
    given = {"variables": {"customer": "Ann", "today": "Monday"}}
    golden = tmp_path / "own" / "greeting" / "golden_inputs.json"
    halves = json.loads(golden.read_text("utf-8"))
    golden.write_text(
        json.dumps({half: [one | given for one in inputs] for half, inputs in halves.items()}),
        "utf-8",
    )
    door = await start_door(task_types_dir=tmp_path / "own")

    status, body, _ = await door.ask(model="greeting", selfheal=given)
    assert status == 200, body
    assert worker.tasks[-1]["variables"] == given["variables"]
    for variables, param in (
        ({"customer": "Ann"}, "selfheal.variables.today"),
        (given["variables"] | {"more": "x"}, "selfheal.variables.more"),
    ):
        status, body, _ = await door.ask(model="greeting", selfheal={"variables": variables})
        assert (status, body["error"]["param"]) == (400, param)
    messages = [{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}]
    status, body, _ = await door.ask(model="greeting", selfheal=given, messages=messages)
    assert (status, body["error"]["param"]) == (400, "messages[0].role")
    assert len(worker.tasks) == 1


async def test_fields_that_are_not_known_go_to_the_provider(door: Any, worker: StubWorker) -> None:
    await door.ask(top_k=5, selfheal={})
    assert worker.tasks[0]["request"]["top_k"] == 5


async def test_a_body_over_the_limit_is_refused_and_the_guides_route_keeps_its_own(
    start_door: Callable[..., Awaitable[Any]],
) -> None:
    door = await start_door(chat_max_body_bytes=400_000)
    messages = [{"role": "user", "content": "x" * 300_000}]
    assert (await door.ask(messages=messages))[0] == 200
    messages[0]["content"] *= 2
    status, body, _ = await door.ask(messages=messages)
    assert (status, body["error"]["code"]) == (413, "request_too_large")
    request = {"user_input": "x" * 300_000, "task_type": "code_generation"}
    async with door.session.post("/api/v1/request", json=request) as response:
        assert (response.status, (await response.json())["code"]) == (413, "request_too_large")


async def test_errors_of_the_frame_have_openais_shape(door: Any) -> None:
    async with door.session.post("/v1/chat/completions", data=b"{}") as response:
        assert response.status == 415
        assert (await response.json())["error"]["code"] == "unsupported_media_type"
    async with door.session.get("/v1/chat/completions") as response:
        assert response.status == 405
        assert (await response.json())["error"]["code"] == "method_not_allowed"
    async with door.session.get("/v1/nowhere") as response:
        assert response.status == 404
        assert (await response.json())["error"]["type"] == "invalid_request_error"


async def test_requests_are_counted(door: Any) -> None:
    await door.ask()
    await door.ask(b"{")
    async with door.session.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    counts = [line for line in lines if line.startswith("agent_requests_total")]
    assert [line.rpartition(" ")[2] for line in counts] == ["1.0", "1.0"]


async def test_a_silent_stream_is_kept_alive_by_comments(
    door: Any, worker: StubWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(client, "SILENT_SECONDS", 0.02)
    for hold in ("before the first byte", "after it"):
        goes_on = asyncio.Event()
        if hold == "before the first byte":
            worker.events = [goes_on, *HELLO]
        else:
            worker.events = [*HELLO[:2], goes_on, *HELLO[2:]]
        async with asyncio.timeout(10), door.post(stream=True) as response:
            received = b""
            while received.count(client.HEARTBEAT) < 3:
                received += await response.content.readany()
            goes_on.set()
            received += await response.read()
        assert response.headers["x-selfheal-prompt-version"] == "1"
        events = received.replace(client.HEARTBEAT, b"").decode().split("\n\n")
        assert len(events) == len(HELLO) + 1


async def test_a_reader_that_takes_nothing_fills_no_memory_and_is_given_up(
    door: Any, worker: StubWorker, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(client, "STALLED_SECONDS", 0.5)
    sent = 0

    def count(text: str) -> dict[str, Any]:
        nonlocal sent
        sent += len(text)
        return chunk({"content": text})

    worker.events = (count("x" * 100_000) for _ in range(2_000))  # type: ignore[assignment]
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port, limit=1_000)
    body = json.dumps({**ASK, "stream": True}).encode()
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n%b" % (len(body), body)
    )
    async with asyncio.timeout(20):
        await reader.readline()
        assert (await door.ask())[0] == 200
        await worker.was_left.wait()
        async for _ in poll():
            if len(rows := await read_rows(connection)) == 2:
                break
    writer.close()
    assert sent < 100_000_000
    assert sorted(row["finish_reason"] for row in rows) == ["client_closed", "stop"]


async def test_idle_streams_wait_without_harm_to_others(door: Any, worker: StubWorker) -> None:
    goes_on = asyncio.Event()
    worker.events = [*HELLO[:2], goes_on, *HELLO[2:]]
    async with asyncio.timeout(60):
        idle = [asyncio.create_task(door.stream()) for _ in range(500)]
        async for _ in poll():
            if len(worker.tasks) == len(idle):
                break
        assert (await door.ask())[0] == 200
        goes_on.set()
        ended = await asyncio.gather(*idle)
    assert all(events[-1] == "[DONE]" for events, _ in ended)


async def test_an_unknown_field_is_named_once_in_the_log(
    door: Any, log_entries: list[MutableMapping[str, Any]]
) -> None:
    for _ in range(2):
        await door.ask(top_k=5)
    named = [one for one in log_entries if one["event"] == "unknown_fields_passed_on"]
    assert [one["fields"] for one in named] == [["top_k"]]


async def test_a_request_of_the_guides_route_is_shown_without_a_conversation(
    door: Any, connection: Connection
) -> None:
    request_id = "11111111-2222-4333-8444-555555555555"
    await connection.execute(
        "INSERT INTO execution_logs (request_id, task_type, user_input, evaluation_score)"
        " VALUES ($1, 't', 'x', 'NaN'), ($1, 't', 'y', 0.5)",
        request_id,
    )
    shown = await door.show(request_id)
    assert (shown["user_input"], shown["evaluation"]) == ("y", "scored")
    assert shown["conversation"] is None
    await connection.execute("DELETE FROM execution_logs WHERE user_input = 'y'")
    assert (await door.show(request_id))["evaluation_score"] is None


async def test_the_door_is_described(door: Any) -> None:
    async with door.session.get("/openapi.json") as response:
        paths = (await response.json())["paths"]
    chat = paths["/v1/chat/completions"]["post"]
    assert chat["requestBody"]["required"]
    assert {"400", "404", "413", "429", "502", "503"} <= chat["responses"].keys()
    assert {"/v1/models", "/v1/models/{model}", "/api/v1/requests/{request_id}"} <= paths.keys()


async def test_an_odd_answer_is_passed_on_and_kept_as_it_is(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    odd: list[dict[str, Any]] = [
        completion(None, refusal="No."),
        completion() | {"choices": []},
        completion() | {"choices": [{"index": 0, "message": None}]},
        completion() | {"choices": [{"index": 0, "message": "text"}], "usage": []},
        completion([{"type": "text", "text": "a\x00b"}, "part"]),  # type: ignore[arg-type]
        completion("x", audio={"id": "a", "data": "AAAA"}, reasoning_content="Hm."),
        completion() | {"model": None, "usage": {"prompt_tokens": "many"}, "created": "now"},
    ]
    for worker.completion in odd:
        status, body, headers = await door.ask()
        assert status == 200, body
        own = {"id": f"chatcmpl-{UUID(headers['x-request-id']).hex}", "model": "code_generation"}
        assert body == worker.completion | own
    rows = await read_rows(connection)
    texts = ["No.", None, "", "", "a\ufffdb", "x", "Hello there."]
    assert [row["worker_output"] for row in rows] == texts


async def test_numbers_that_json_does_not_have_are_null(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    odd = {"logprobs": {"NaN": float("nan"), "small": float("-inf")}}
    choice = worker.completion["choices"][0] | odd
    worker.completion |= {"choices": [choice], "usage": {"cost": float("inf")}}
    worker.events[2] = chunk({"content": "there."}) | {"choices": [choice | {"delta": {}}]}

    _, body, _ = await door.ask()
    events, _ = await door.stream()

    told = {"NaN": None, "small": None}
    assert body["choices"][0]["logprobs"] == told
    assert body["usage"] == {"cost": None}
    assert events[-1] == "[DONE]"
    assert told in [event["choices"][0]["logprobs"] for event in events[:-1]]
    assert [row["finish_reason"] for row in await read_rows(connection)] == ["stop", "stop"]


async def test_what_goes_wrong_on_our_side_after_the_first_byte_ends_the_stream_with_an_error(
    door: Any, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("services.manager.app.door.door.make_execution", fail)

    events, _ = await door.stream()

    assert events[-1]["error"]["code"] == "internal_error"
    assert not any(event.get("choices", [{}])[0].get("finish_reason") for event in events)
    assert await read_rows(connection) == []


async def test_a_model_that_is_not_there_is_told_before_its_variables(door: Any) -> None:
    status, body, headers = await door.ask(model="gpt-9", selfheal={"variables": {"a": "b"}})
    assert (status, body["error"]["code"]) == (404, "model_not_found")
    assert headers["x-should-retry"] == "false"


async def test_what_the_provider_refuses_of_a_request_leaves_no_row(
    door: Any, worker: StubWorker, connection: Connection
) -> None:
    refused = {"code": "model_refused_request", "message": "No.", "request_id": "x", "param": "n"}
    worker.failure = 400, refused, {}
    status, body, headers = await door.ask()
    assert (status, body["error"]["code"]) == (400, "model_refused_request")
    assert headers["x-should-retry"] == "false"
    assert await connection.fetchval("SELECT count(*) FROM execution_logs") == 0


@pytest.mark.parametrize("is_stream", [False, True])
async def test_what_the_worker_has_no_room_for_is_refused_as_it_is_and_leaves_no_row(
    door: Any, worker: StubWorker, connection: Connection, is_stream: bool
) -> None:
    worker.fail(503, "overloaded", Retry_After="2")
    status, body, headers = await door.ask(stream=is_stream)
    assert (status, body["error"]["code"]) == (503, "overloaded")
    assert headers["retry-after"] == "2"
    assert "x-should-retry" not in headers
    assert await connection.fetchval("SELECT count(*) FROM execution_logs") == 0


async def test_a_request_whose_texts_were_removed_says_by_what(
    door: Any, connection: Connection
) -> None:
    _, _, headers = await door.ask()
    request_id = headers["x-request-id"]
    await wait_for_row(connection)
    assert (await door.show(request_id))["texts_removed_by"] is None
    await connection.execute(
        "UPDATE execution_logs SET user_input = '', evaluation_detail = $1",
        {"removed": {"by": "BODY_RETENTION_DAYS", "at": "2026-11-01T00:00:00+00:00"}},
    )
    shown = await door.show(request_id)
    assert (shown["user_input"], shown["texts_removed_by"]) == ("", "BODY_RETENTION_DAYS")
