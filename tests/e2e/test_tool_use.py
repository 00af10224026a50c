"""The task type whose answers call tools, end to end: enabled, served, spoilt, healed."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.running_system import RunningSystem

TASK_TYPE = "tool_use"
BAD_PROMPT = "just say hello world to everything"
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
CITIES = ("Helsinki", "Porto", "Lagos", "Quito")
SCORING_SECONDS = 30


def ask(system: RunningSystem, city: str) -> tuple[dict[str, Any], bool]:
    """Ask through the door, streamed; give what the pieces add up to, and whether it passed."""
    messages = [{"role": "user", "content": f"What is the weather like in {city}?"}]
    body = {"model": TASK_TYPE, "messages": messages, "tools": [TOOL], "stream": True}
    answer = system.post("manager", "/v1/chat/completions", body)
    assert answer.status == 200, answer.text
    request_id = next(v for k, v in answer.headers.items() if k.lower() == "x-selfheal-request-id")
    deadline = time.monotonic() + SCORING_SECONDS
    passed = ""
    while not passed and time.monotonic() < deadline:
        passed = system.psql(
            f"SELECT evaluation_passed FROM execution_logs WHERE request_id = '{request_id}'"
        )
    return read_stream(answer.text), passed == "t"


def read_stream(text: str) -> dict[str, Any]:
    """Add the pieces of a stream up, of its text and of its one call."""
    message: dict[str, Any] = {"content": "", "name": "", "arguments": ""}
    *events, end = [line for line in text.split("\n") if line.startswith("data: ")]
    assert end == "data: [DONE]"
    for event in events:
        for choice in json.loads(event.removeprefix("data: "))["choices"]:
            message["content"] += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                for name in ("name", "arguments"):
                    message[name] += call["function"].get(name) or ""
    return message


@pytest.fixture
def tool_use(system: RunningSystem) -> Iterator[RunningSystem]:
    """The system with the task type enabled; the seed prompt is left as it was."""
    system.psql(f"DELETE FROM prompts WHERE task_type = '{TASK_TYPE}'")
    system.selfheal("tasks", "enable", TASK_TYPE)
    yield system
    system.psql(f"DELETE FROM prompts WHERE task_type = '{TASK_TYPE}'")


def test_a_bad_prompt_is_healed_so_that_tools_are_called_again(
    tool_use: RunningSystem, tmp_path: Path
) -> None:
    message, passed = ask(tool_use, "Helsinki")
    assert message["name"] == "get_weather"
    assert json.loads(message["arguments"]) == {"city": "Helsinki"}
    assert passed

    prompt = tmp_path / "bad.txt"
    prompt.write_text(BAD_PROMPT)
    tool_use.selfheal("prompts", "activate", "-t", TASK_TYPE, "--file", str(prompt))
    for city in CITIES:
        message, passed = ask(tool_use, city)
        assert message["content"] == "Hello World"
        assert not passed

    assert "prompt_patched" in tool_use.selfheal("optimize").stdout
    message, passed = ask(tool_use, "Lima")
    assert json.loads(message["arguments"]) == {"city": "Lima"}
    assert passed
