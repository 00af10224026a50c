"""A Manager is killed at a call with a key: the next try is served once the lease is over."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.http_server import JsonHandler, serving
from support.running_system import RunningSystem, make_system

KEY = {"Idempotency-Key": "0f8fad5b-d9cb-469f-a165-70867728950e"}
CODE = "```python\ndef add(a: int, b: int) -> int:\n    return a + b\n```"
CALLS = {
    "/v1/chat/completions": {
        "model": "code_generation",
        "messages": [{"role": "user", "content": "Write a function to add two numbers"}],
    },
    "/api/v1/request": {
        "task_type": "code_generation",
        "user_input": "Write a function to add two numbers",
    },
}


class Provider:
    """Keeps whom it is asked by waiting until it goes on."""

    def __init__(self) -> None:
        self.url = ""
        self.was_asked = threading.Event()
        self.goes_on = threading.Event()
        self.asked = 0


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    message = {"role": "assistant", "content": CODE}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    completion = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}

    class Handler(JsonHandler):
        def do_POST(self) -> None:
            self.body()
            provider.asked += 1
            provider.was_asked.set()
            provider.goes_on.wait()
            self.answer(200, json.dumps({**completion, "choices": [choice]}).encode())

    with serving(Handler) as provider.url:
        yield provider
        provider.goes_on.set()


@pytest.fixture
def system(tmp_path: Path, provider: Provider) -> Iterator[RunningSystem]:
    system = make_system(tmp_path)
    system.environment.update(
        LLM_PROVIDER="openai",
        LLM_API_KEY="none",
        LLM_BASE_URL=f"{provider.url}/v1",
        LLM_MODEL="m",
        JUDGE_MODEL="rubric",
        OPTIMIZER_MODEL="rules",
    )
    try:
        system.selfheal("up")
        yield system
    finally:
        system.selfheal("reset", "--yes")


def ask_until_served(system: RunningSystem, path: str) -> tuple[list[Any], Any]:
    """Try as a client does; returns the refusals' codes, and the answer."""
    refusals = []
    while (answer := system.post("manager", path, CALLS[path], KEY)).status == 409:
        refusals.append(answer.json)
        time.sleep(int(answer.headers["retry-after"]))
    return refusals, answer


@pytest.mark.parametrize("path", CALLS)
def test_a_killed_managers_call_is_taken_over(
    system: RunningSystem, provider: Provider, path: str
) -> None:
    with ThreadPoolExecutor() as pool:
        lost = pool.submit(system.post, "manager", path, CALLS[path], KEY)
        assert provider.was_asked.wait(30)
        os.kill(system.states()["manager"]["pid"], signal.SIGKILL)
        assert lost.exception() is not None
    provider.goes_on.set()
    system.selfheal("up")
    refusals, answer = ask_until_served(system, path)
    again = system.post("manager", path, CALLS[path], KEY)

    assert refusals
    assert (answer.status, again.status) == (200, 200)
    assert again.text == answer.text
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in answer.headers
    assert provider.asked == 2
    assert system.psql("SELECT count(*) FROM execution_logs") == "1"
