import asyncio
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from support.rows import for_each

from services.common.errors import InvalidRequestError
from services.common.errors.model import (
    ModelError,
    ModelOutOfTimeError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.llm.invocation import close_model, invoke_model, translate_vendor_error
from services.common.resilience.deadline import within

KEY = "sk-" + "secret"


class VendorError(Exception):
    """What the vendors' clients raise: a status code where the server answered."""

    def __init__(self, status_code: object = None) -> None:
        super().__init__(f"429 500 timeout: key {KEY}")
        if status_code is not None:
            self.status_code = status_code


def saying(message: AIMessage) -> RunnableLambda[str, AIMessage]:
    async def answer(call: str) -> AIMessage:
        return message

    return RunnableLambda(answer)


def raising(error: Exception) -> RunnableLambda[str, AIMessage]:
    async def fail(call: str) -> AIMessage:
        raise error

    return RunnableLambda(fail)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (429, ModelRateLimitedError),
        (500, ModelUnavailableError),
        (503, ModelUnavailableError),
        (529, ModelUnavailableError),
        (400, ModelRejectedError),
        (401, ModelRejectedError),
        (404, ModelRejectedError),
        (422, ModelRejectedError),
        (302, ModelError),
        (None, ModelError),
        ("429", ModelError),
        (object(), ModelError),
    ],
)
def test_a_vendors_error_is_read_by_its_status_never_by_its_prose(
    status: object, expected: type[ModelError]
) -> None:
    translated = translate_vendor_error(VendorError(status))

    assert type(translated) is expected
    assert "VendorError" in translated.message
    assert KEY not in translated.message


QUOTA = {"message": f"see billing, {KEY}", "type": "insufficient_quota", "code": None}


@for_each(
    [
        (429, {"code": "insufficient_quota"}, "model_quota_spent"),
        (429, {"type": "insufficient_quota"}, "model_quota_spent"),
        (429, {"body": QUOTA}, "model_quota_spent"),
        (429, {"body": {"type": "error", "error": {"type": "billing_error"}}}, "model_quota_spent"),
        (402, {}, "model_quota_spent"),
        (400, {"code": "content_filter"}, "model_content_filtered"),
        (400, {"body": {"innererror": {"code": "ResponsibleAI"}}}, "model_content_filtered"),
        (409, {}, "model_unavailable"),
        (429, {"code": None, "type": None, "body": None}, "model_rate_limited"),
        (429, {"code": "rate_limit_exceeded", "body": "billing"}, "model_rate_limited"),
        (None, {"code": "insufficient_quota"}, "model_failed"),
    ]
)
def test_a_vendors_error_is_read_by_its_codes_too(row: tuple[int, dict[str, Any], str]) -> None:
    status, attributes, code = row
    error = VendorError(status)
    for name, value in attributes.items():
        setattr(error, name, value)
    translated = translate_vendor_error(error)

    assert translated.code == code
    assert "VendorError" in translated.message
    assert KEY not in translated.message


@for_each([(400, "Bad schema."), (401, ""), (403, ""), (404, "Bad schema."), (405, "")])
def test_a_vendors_error_keeps_what_is_said_of_the_request(row: tuple[int, str]) -> None:
    status, reason = row
    error = VendorError(status)
    told = {"type": "invalid_request_error", "message": "Bad schema.", "param": "tools"}
    error.__dict__["body"] = {"type": "error", "error": told}
    translated = translate_vendor_error(error)

    assert isinstance(translated, ModelRejectedError)
    assert (translated.reason, translated.param) == (reason, "tools")
    assert "schema" not in translated.message


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (VendorError(429), ModelRateLimitedError),
        (VendorError(), ModelError),
        (TimeoutError(), ModelTimeoutError),
        (RuntimeError("broken"), ModelError),
        (KeyError("choices"), ModelError),
    ],
    ids=["a status", "no status", "a timeout", "a bug", "a nonsense answer"],
)
async def test_whatever_a_model_raises_is_a_model_error(
    raised: Exception, expected: type[ModelError]
) -> None:
    with pytest.raises(ModelError) as failure:
        await invoke_model(raising(raised), "Hi")

    assert type(failure.value) is expected
    assert failure.value.__cause__ is raised


@pytest.mark.parametrize("error", [ModelTimeoutError("late"), InvalidRequestError("no")])
async def test_an_error_of_our_own_passes_untouched(error: Exception) -> None:
    with pytest.raises(type(error)) as failure:
        await invoke_model(raising(error), "Hi")

    assert failure.value is error


async def test_an_answer_names_its_model_and_counts_its_tokens() -> None:
    message = AIMessage(
        content="Hello",
        response_metadata={"model_name": "gpt-test"},
        usage_metadata={"input_tokens": 11, "output_tokens": 5, "total_tokens": 16},
    )
    answer = await invoke_model(saying(message), "Hi")

    assert (answer.text, answer.model) == ("Hello", "gpt-test")
    assert (answer.input_tokens, answer.output_tokens) == (11, 5)
    assert isinstance(answer.latency_ms, int)
    assert answer.latency_ms >= 0


async def test_an_answer_can_be_sent_and_stored() -> None:
    message = AIMessage(content="a\x00b", response_metadata={"model_name": "gpt\ud800"})
    answer = await invoke_model(saying(message), "Hi")

    assert (answer.text, answer.model) == ("a�b", "gpt�")


async def test_a_model_may_keep_name_and_tokens_to_itself() -> None:
    answer = await invoke_model(saying(AIMessage(content="Hello")), "Hi")

    assert (answer.model, answer.input_tokens, answer.output_tokens) == ("unknown", 0, 0)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "Hello"}, {"type": "text", "text": " there"}], "Hello there"),
        ([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Hello"}], "Hello"),
        (["Hello"], "Hello"),
        ("", ""),
        ([], ""),
    ],
    ids=["blocks", "after reasoning", "a list of texts", "empty", "no block"],
)
async def test_the_text_of_an_answer_is_the_text_of_its_blocks(content: Any, text: str) -> None:
    message = AIMessage(content=content, response_metadata={"finish_reason": "stop"})
    assert (await invoke_model(saying(message), "Hi")).text == text


async def test_a_model_without_connections_needs_no_closing() -> None:
    await close_model(FakeListChatModel(responses=["Hello"]))


@pytest.mark.parametrize(
    ("name", "code"),
    [("refusal", "model_content_filtered"), ("reasoning_content", "model_empty_answer")],
)
async def test_what_a_vendor_tells_beside_an_empty_text_says_whose_answer_it_is(
    name: str, code: str
) -> None:
    message = AIMessage(
        content="", additional_kwargs={name: "Hm"}, response_metadata={"finish_reason": "stop"}
    )
    with pytest.raises(ModelError) as failure:
        await invoke_model(saying(message), "Hi")

    assert failure.value.code == code


OPEN_FENCE = "```python\nx ="


@for_each(
    [
        ("Hi", {"finish_reason": "content_filter"}, "model_content_filtered"),
        ("", {"finish_reason": "SAFETY"}, "model_content_filtered"),
        ("", {"finish_reason": "FinishReason.RECITATION"}, "model_content_filtered"),
        ("", {"finish_reason": "PROHIBITED_CONTENT"}, "model_content_filtered"),
        ("Hi", {"stop_reason": "refusal"}, "model_content_filtered"),
        ("Hi", {"stopReason": "guardrail_intervened"}, "model_content_filtered"),
        ("Hi", {"finish_reason": "ERROR_TOXIC"}, "model_content_filtered"),
        (OPEN_FENCE, {"stop_reason": "max_tokens"}, "model_answer_cut"),
        (OPEN_FENCE, {"stopReason": "max_tokens"}, "model_answer_cut"),
        (OPEN_FENCE, {"finish_reason": "MAX_TOKENS"}, "model_answer_cut"),
        (OPEN_FENCE, {"finish_reason": "FinishReason.MAX_TOKENS"}, "model_answer_cut"),
        (OPEN_FENCE, {"done_reason": "length"}, "model_answer_cut"),
        (OPEN_FENCE, {"finish_reason": "model_length"}, "model_answer_cut"),
        ("", {"finish_reason": "ERROR"}, "model_unavailable"),
        ("", {"finish_reason": "MALFORMED_FUNCTION_CALL"}, "model_empty_answer"),
        ("", {}, "model_empty_answer"),
        ("", {"stop_reason": "tool_use"}, "model_empty_answer"),
        ("", {"stop_reason": "end_turn"}, ""),
        ("", {"finish_reason": "STOP"}, ""),
        ("", {"finish_reason": "COMPLETE"}, ""),
        ("Hi", {"stop_reason": "max_tokens"}, "Hi"),
        (OPEN_FENCE, {"finish_reason": "stop"}, OPEN_FENCE),
        (OPEN_FENCE, {"finish_reason": "unheard_of"}, OPEN_FENCE),
        (OPEN_FENCE, {}, OPEN_FENCE),
    ]
)
def test_every_vendor_s_reason_tells_whose_answer_it_is(
    row: tuple[str, dict[str, Any], str],
) -> None:
    content, metadata, comes_to = row
    message = AIMessage(content=content, response_metadata=metadata)
    try:
        came_to = asyncio.run(invoke_model(saying(message), "Hi")).text
    except ModelError as error:
        came_to = error.code

    assert came_to == comes_to


async def test_a_vendors_client_that_hangs_is_ended_by_the_requests_deadline() -> None:
    was_cancelled = asyncio.Event()

    async def hang(call: str) -> AIMessage:
        try:
            await asyncio.Event().wait()
        finally:
            was_cancelled.set()
        raise AssertionError

    with within(0.05), pytest.raises(ModelOutOfTimeError):
        await invoke_model(RunnableLambda(hang), "Hi")
    assert was_cancelled.is_set()


async def test_a_vendors_own_timeout_stays_one_within_a_deadline() -> None:
    with within(30), pytest.raises(ModelTimeoutError) as failure:
        await invoke_model(raising(TimeoutError()), "Hi")
    assert type(failure.value) is ModelTimeoutError
