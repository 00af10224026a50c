"""A LangChain chat model for OpenAI-compatible endpoints, light enough for a serving path.

`langchain_openai.ChatOpenAI` takes over five times the CPU a call, and half a second more at each
start (`docs/decisions/0002-own-chat-completions-client.md`).
"""

import asyncio
import random
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import aiohttp
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict, PrivateAttr, SecretStr

from services.common.errors import (
    ModelInvalidAnswerError,
    ModelRateLimitedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.http import create_session
from services.common.llm.failures import REPLACEMENTS, explain_failure, parse_error, read_report
from services.common.llm.reply import find_error, join_reply, parse_events
from services.common.llm.retries import (
    ATTEMPTS,
    FIRST_PAUSE_SECONDS,
    LONGEST_PAUSE_SECONDS,
    TransientError,
    read_pause_seconds,
)
from services.common.logging import get_logger

ROLES = {"system": "system", "human": "user", "ai": "assistant"}
# With the blank line after it: a fence that opens a block without a language has none.
CLOSING_FENCE = "\n```\n\n"
CONNECT_TIMEOUT_SECONDS = 5
MAX_ANSWER_BYTES = 4 << 20

log = get_logger()


class _ParameterRefusedError(Exception):
    """The model refuses a parameter, or its value; the call may succeed without it."""


class ChatCompletionsModel(BaseChatModel):
    """Calls `POST {base_url}/chat/completions`.

    Attributes:
        base_url: Where the API lives, up to and with `/v1`.
        model: Name of the model, as the endpoint knows it.
        api_key: Sent as a bearer token; None for endpoints without keys.
        timeout_seconds: Deadline of a call, retries and pauses included.
        temperature: In [0, 2]; 0 asks for the likeliest answer. None isn't sent, here and below.
        seed: Asks for the same answer to the same messages, where the model can.
        max_tokens: Most tokens of an answer.
        stop_after_code_block: Whether an answer ends where its first fenced block does.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    base_url: str
    model: str
    api_key: SecretStr | None = None
    timeout_seconds: float = 60
    temperature: float | None = 0
    seed: int | None = None
    max_tokens: int | None = 1024
    stop_after_code_block: bool = False

    _session: aiohttp.ClientSession | None = PrivateAttr(default=None)
    _refused: set[str] = PrivateAttr(default_factory=set)
    _random: ClassVar[random.Random] = random.Random()  # noqa: S311 - spreads retries

    @property
    def _llm_type(self) -> str:
        return "chat-completions"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "base_url": self.base_url}

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        raise NotImplementedError("this model is asynchronous: use ainvoke")

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's
        **kwargs: Any,  # noqa: ARG002 - LangChain's
    ) -> ChatResult:
        try:
            async with asyncio.timeout(self.timeout_seconds):
                message = await self._ask_with_retries(messages, stop)
        except TimeoutError as error:
            raise ModelTimeoutError(
                f"The model {self.model!r} gave no answer in {self.timeout_seconds:g} s."
            ) from error
        if self.stop_after_code_block:
            _close_fence(message)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _ask_with_retries(
        self, messages: list[BaseMessage], stop: list[str] | None
    ) -> AIMessage:
        """Try again what may pass, and without each parameter that the model refuses.

        Rate limits, server errors and broken connections may pass; what is refused is remembered.
        """
        pause_seconds = FIRST_PAUSE_SECONDS
        attempt = 1
        while True:
            try:
                return await self._ask(self._body(messages, stop))
            except _ParameterRefusedError:
                continue
            except TransientError as failure:
                wanted = pause_seconds if failure.pause_seconds is None else failure.pause_seconds
                if attempt == ATTEMPTS or wanted > LONGEST_PAUSE_SECONDS:
                    raise failure.error from failure
                log.warning("model_call_retried", code=failure.error.code, attempt=attempt)
                await asyncio.sleep(wanted * (1 + self._random.random() / 4))
                attempt += 1
                pause_seconds *= 2

    def _body(self, messages: list[BaseMessage], stop: list[str] | None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": ROLES.get(message.type, "user"), "content": message.content}
                for message in messages
            ],
        }
        parameters = {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "stop": [*(stop or ()), *([CLOSING_FENCE] if self.stop_after_code_block else ())]
            or None,
        }
        body |= {name: value for name, value in parameters.items() if value is not None}
        for name, replacement in REPLACEMENTS.items():
            if name in self._refused and name in body:
                value = body.pop(name)
                if replacement is not None:
                    body[replacement] = value
        return body

    async def _ask(self, body: dict[str, Any]) -> AIMessage:
        session = self._session = self._session or self._create_session()
        try:
            async with session.post(
                self.base_url.rstrip("/") + "/chat/completions", json=body
            ) as response:
                content = await response.content.read(MAX_ANSWER_BYTES + 1)
                while len(content) <= MAX_ANSWER_BYTES and not response.content.at_eof():
                    content += await response.content.read(MAX_ANSWER_BYTES + 1 - len(content))
        except aiohttp.ClientError as error:
            raise TransientError(
                ModelUnavailableError(f"The model {self.model!r} can't be reached.")
            ) from error
        if len(content) > MAX_ANSWER_BYTES:
            raise ModelInvalidAnswerError(f"The model {self.model!r} answered over 4 MiB.")
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise self._failure(response.status, response.headers, parse_error(content), body)
        try:
            events = parse_events(content)
            if (failure := find_error(events)) is not None:
                raise self._failure(response.status, response.headers, failure, body)
            return join_reply(events, self.model)
        except ValueError as error:
            raise ModelInvalidAnswerError(
                f"The model {self.model!r} answered what is no chat completion. Check "
                "LLM_BASE_URL, which goes up to and with /v1."
            ) from error

    def _create_session(self) -> aiohttp.ClientSession:
        headers = {}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key.get_secret_value()}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_SECONDS)
        return create_session(self.base_url, headers=headers, timeout=timeout)

    def _failure(
        self, status: int, headers: Mapping[str, str], said: object, sent: dict[str, Any]
    ) -> Exception:
        """Translate what a provider says of a failure; parameters that it names are noted."""
        report = read_report(status, said)
        if refused := report.refused(sent):
            # Another call may have noted it meanwhile: either way the next body is without it.
            self._refused |= refused
            for name in sorted(refused):
                log.info("model_parameter_dropped", parameter=name, model=self.model)
            return _ParameterRefusedError()
        error = explain_failure(report, repr(self.model))
        if isinstance(error, ModelRateLimitedError | ModelUnavailableError):
            return TransientError(error, read_pause_seconds(headers))
        return error


def _close_fence(message: AIMessage) -> None:
    """Put back the closing fence that the stop sequence cut off."""
    text = str(message.content)
    if message.response_metadata["finish_reason"] == "stop" and text.count("```") % 2:
        message.content = text.rstrip("\n") + "\n```"
