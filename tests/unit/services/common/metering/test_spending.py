"""What models were asked is counted where somebody counts."""

import asyncio

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from support.rows import for_each

from services.common.errors.model import ModelError, ModelRateLimitedError
from services.common.llm.invocation import invoke_model
from services.common.metering.spending import (
    SPENT_HEADER,
    Spending,
    metering,
    note_spending,
    read_spending,
    telling_spending,
)


def model_saying(*messages: AIMessage | Exception) -> GenericFakeChatModel:
    def give() -> AIMessage:
        for message in messages:
            if isinstance(message, Exception):
                raise message
            yield message  # type: ignore[misc]

    return GenericFakeChatModel(messages=give())  # type: ignore[arg-type]


def reply(tokens: int | None = None) -> AIMessage:
    usage = (
        {"input_tokens": tokens, "output_tokens": 1, "total_tokens": tokens + 1} if tokens else None
    )
    return AIMessage("yes", response_metadata={"finish_reason": "stop"}, usage_metadata=usage)  # type: ignore[arg-type]


async def test_calls_are_counted_and_tokens_where_they_are_told() -> None:
    model = model_saying(reply(7), reply())
    with metering() as spent:
        await invoke_model(model, "?")
        await invoke_model(model, "?")
    assert spent == Spending(2, 7, 1, untold_calls=1)
    assert spent.tokens == 8


async def test_a_call_that_fails_is_one() -> None:
    with metering() as spent, pytest.raises(ModelError):
        await invoke_model(model_saying(RuntimeError("down")), "?")
    assert spent.calls == 1


async def test_who_counts_beside_another_counts_their_own() -> None:
    async def ask(times: int) -> int:
        with metering() as spent:
            for _ in range(times):
                await asyncio.create_task(count_one())
        return spent.calls

    async def count_one() -> None:
        await asyncio.sleep(0)
        note_spending(Spending(1))

    note_spending(Spending(1))  # nobody counts
    assert await asyncio.gather(ask(1), ask(3)) == [1, 3]


async def test_cached_tokens_and_calls_without_a_count_are_told_apart() -> None:
    usage = {
        "input_tokens": 7,
        "output_tokens": 1,
        "total_tokens": 8,
        "input_token_details": {"cache_read": 5},
    }
    cached = AIMessage("yes", response_metadata={"finish_reason": "stop"}, usage_metadata=usage)  # type: ignore[arg-type]
    with metering() as spent:
        await invoke_model(model_saying(cached), "?")
        await invoke_model(model_saying(reply()), "?")
    assert spent == Spending(2, 7, 1, 5, untold_calls=1)


async def test_what_a_provider_refuses_costs_nothing() -> None:
    with metering() as spent, pytest.raises(ModelRateLimitedError):
        await invoke_model(model_saying(ModelRateLimitedError("slow down")), "?")
    assert spent == Spending(calls=1)


async def test_an_answer_that_is_none_was_paid_for_and_its_error_says_so() -> None:
    cut = reply(7)
    cut.content = ""
    cut.response_metadata["finish_reason"] = "length"
    with pytest.raises(ModelError) as raised, telling_spending("openai:m"):
        await invoke_model(model_saying(cut), "?")
    assert read_spending(raised.value.headers) == ("openai:m", Spending(1, 7, 1))


@for_each(["", "no JSON", "[]", "{}", '{"model": "m", "dollars": 3}'])
def test_a_header_of_anything_else_says_nothing(said: str) -> None:
    assert read_spending({SPENT_HEADER: said}) is None
