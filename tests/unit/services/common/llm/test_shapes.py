"""Every shape that the stand-in provider speaks comes to what it must."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import BaseMessage, HumanMessage
from support.provider.server import SHAPES, StandInProvider, serving_provider

from services.common.errors.model import ModelError
from services.common.llm.chat_completions import ChatCompletionsModel
from services.common.llm.invocation import close_model, invoke_model

CONVERSATION: list[BaseMessage] = [HumanMessage("Hi")]
PARAMETERS = frozenset({"temperature", "seed", "stop", "max_tokens"})


@pytest.fixture(scope="module")
def provider() -> Iterator[StandInProvider]:
    with serving_provider() as provider:
        yield provider


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda _seconds: sleep(0))


async def ask(model: ChatCompletionsModel) -> tuple[str, str]:
    """Ask, and give the answer or the error's code, and the error's message."""
    try:
        return (await invoke_model(model, CONVERSATION)).text, ""
    except ModelError as error:
        return error.code, error.message


@pytest.mark.parametrize("name", SHAPES)
async def test_a_shape_comes_to_what_it_must(
    provider: StandInProvider, log_entries: list[dict[str, Any]], name: str
) -> None:
    shape = SHAPES[name]
    model = ChatCompletionsModel(
        base_url=provider.base_url(name), model="m", seed=7, stop_after_code_block=True
    )
    came_to, message = await ask(model)
    bodies = list(provider.bodies[name])

    assert came_to == shape.comes_to
    assert shape.says in message
    assert len(bodies) == shape.calls
    assert not shape.unsent & bodies[-1].keys()
    dropped = {
        entry["parameter"] for entry in log_entries if entry["event"] == "model_parameter_dropped"
    }
    assert dropped == shape.unsent
    kept = PARAMETERS - shape.unsent
    assert all(kept <= body.keys() for body in bodies)
    if shape.unsent:
        await ask(model)
        assert provider.bodies[name][shape.calls :] == bodies[-1:], "it remembers"
    await close_model(model)
