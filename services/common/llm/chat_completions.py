"""A LangChain chat model for OpenAI-compatible endpoints, light enough for a serving path.

`langchain_openai.ChatOpenAI` takes over five times the CPU a call, and half a second more at each
start (`docs/decisions/0002-own-chat-completions-client.md`).
"""

import asyncio
import json
import random
from typing import Any, ClassVar

import aiohttp
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from services.common.errors import (
    ModelError,
    ModelInvalidAnswerError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelTimeoutError,
    ModelUnavailableError,
)
from services.common.http import create_session
from services.common.logging import get_logger

ROLES = {"system": "system", "human": "user", "ai": "assistant"}
# With the blank line after it: a fence that opens a block without a language has none.
CLOSING_FENCE = "\n```\n\n"
ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 10.0
CONNECT_TIMEOUT_SECONDS = 5
MAX_ANSWER_BYTES = 4 << 20
HTTP_OK, HTTP_TOO_MANY_REQUESTS, HTTP_SERVER_ERROR = 200, 429, 500
# Parameters that some models refuse: what to send instead, None for nothing.
REPLACEMENTS: dict[str, str | None] = {
    "max_tokens": "max_completion_tokens",
    "temperature": None,
    "seed": None,
}

log = get_logger()


class _Message(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    """The part of a chat completion that is read here."""

    model: str = ""
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class _ParameterRefusedError(Exception):
    """The model refuses a parameter, or its value; the call may succeed without it."""


class _TransientError(Exception):
    """A failure worth another attempt, after `pause_seconds` where the server named one."""

    def __init__(self, error: ModelError, pause_seconds: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause_seconds = pause_seconds


class ChatCompletionsModel(BaseChatModel):
    """Calls `POST {base_url}/chat/completions`.

    Attributes:
        base_url: Where the API lives, up to and with `/v1`.
        model: Name of the model, as the endpoint knows it.
        api_key: Sent as a bearer token; None for endpoints without keys.
        timeout_seconds: Deadline of a call, retries and pauses included.
        temperature: In [0, 2]; 0 asks for the likeliest answer.
        seed: Asks for the same answer to the same messages, where the model can.
        max_tokens: Most tokens of an answer.
        stop_after_code_block: Whether an answer ends where its first fenced block does.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    base_url: str
    model: str
    api_key: SecretStr | None = None
    timeout_seconds: float = 60
    temperature: float = 0
    seed: int | None = None
    max_tokens: int = 1024
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
                completion = await self._complete_with_retries(messages, stop)
        except TimeoutError as error:
            raise ModelTimeoutError(
                f"The model {self.model!r} gave no answer in {self.timeout_seconds:g} s."
            ) from error
        usage = completion.usage or _Usage()
        message = AIMessage(
            content=self._read_content(completion.choices[0]),
            response_metadata={"model_name": completion.model or self.model},
            usage_metadata={
                "input_tokens": usage.prompt_tokens,
                "output_tokens": usage.completion_tokens,
                "total_tokens": usage.prompt_tokens + usage.completion_tokens,
            },
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _complete_with_retries(
        self, messages: list[BaseMessage], stop: list[str] | None
    ) -> _Completion:
        """Try again what may pass: rate limits, server errors, broken connections."""
        pause_seconds = FIRST_PAUSE_SECONDS
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._complete_without_refused(messages, stop)
            except _TransientError as failure:
                if attempt == ATTEMPTS:
                    raise failure.error from failure
                wanted = pause_seconds if failure.pause_seconds is None else failure.pause_seconds
                if wanted > LONGEST_PAUSE_SECONDS:
                    raise failure.error from failure
                log.warning("model_call_retried", code=failure.error.code, attempt=attempt)
                await asyncio.sleep(wanted * (1 + self._random.random() / 4))
                pause_seconds *= 2

    async def _complete_without_refused(
        self, messages: list[BaseMessage], stop: list[str] | None
    ) -> _Completion:
        """Drop each parameter that the model refuses, once; the model remembers them."""
        while True:
            try:
                return await self._complete(self._body(messages, stop))
            except _ParameterRefusedError:
                continue

    def _read_content(self, choice: _Choice) -> str:
        """Read the answer; the closing fence that the stop sequence cut off is put back."""
        content = choice.message.content
        was_stopped = self.stop_after_code_block and choice.finish_reason == "stop"
        if was_stopped and content.count("```") % 2:
            return content.rstrip("\n") + "\n```"
        return content

    def _body(self, messages: list[BaseMessage], stop: list[str] | None) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self.model,
            "messages": [
                {"role": ROLES.get(message.type, "user"), "content": message.content}
                for message in messages
            ],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        if self.seed is not None:
            body["seed"] = self.seed
        sequences = [*(stop or ()), *([CLOSING_FENCE] if self.stop_after_code_block else ())]
        if sequences:
            body["stop"] = sequences
        for name in self._refused & body.keys():
            value = body.pop(name)
            if (replacement := REPLACEMENTS[name]) is not None:
                body[replacement] = value
        return body

    async def _complete(self, body: dict[str, Any]) -> _Completion:
        session = self._session = self._session or self._create_session()
        try:
            async with session.post(
                self.base_url.rstrip("/") + "/chat/completions", json=body
            ) as response:
                content = await response.content.read(MAX_ANSWER_BYTES + 1)
                while len(content) <= MAX_ANSWER_BYTES and not response.content.at_eof():
                    content += await response.content.read(MAX_ANSWER_BYTES + 1 - len(content))
                if response.status != HTTP_OK:
                    raise self._failure(response.status, response.headers, content, body)
        except aiohttp.ClientError as error:
            raise _TransientError(
                ModelUnavailableError(f"The model {self.model!r} can't be reached.")
            ) from error
        if len(content) > MAX_ANSWER_BYTES:
            raise ModelInvalidAnswerError(f"The model {self.model!r} answered over 4 MiB.")
        try:
            return _Completion.model_validate_json(content)
        except ValidationError as error:
            raise ModelInvalidAnswerError(
                f"The model {self.model!r} answered what is no chat completion."
            ) from error

    def _create_session(self) -> aiohttp.ClientSession:
        headers = {}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key.get_secret_value()}"
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_SECONDS)
        return create_session(self.base_url, headers=headers, timeout=timeout)

    def _failure(
        self, status: int, headers: Any, content: bytes, sent: dict[str, Any]
    ) -> Exception:
        """Translate a status; of the body only the machine-readable code and parameter are read."""
        if status == HTTP_TOO_MANY_REQUESTS:
            return _TransientError(
                ModelRateLimitedError(f"The model {self.model!r} is rate limited."),
                _parse_seconds(headers.get("Retry-After")),
            )
        if status >= HTTP_SERVER_ERROR:
            return _TransientError(
                ModelUnavailableError(f"The model {self.model!r} failed with HTTP {status}.")
            )
        code, parameter = _parse_error(content)
        if parameter in REPLACEMENTS and parameter in sent:
            # Another call may have noted it meanwhile: either way the next body is without it.
            self._refused.add(parameter)
            log.info("model_parameter_dropped", parameter=parameter, model=self.model)
            return _ParameterRefusedError(parameter)
        return ModelRejectedError(
            f"The model {self.model!r} refused the request with HTTP {status}"
            + (f" ({code})." if code else ".")
            + " Check LLM_MODEL, LLM_BASE_URL and LLM_API_KEY."
        )


def _parse_seconds(text: str | None) -> float | None:
    """Read a `Retry-After` in seconds; a date is read as none."""
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None


def _parse_error(content: bytes) -> tuple[str, str]:
    """Read code and parameter of an error in OpenAI's shape; empty where it has none."""
    try:
        error = json.loads(content)["error"]
        return str(error.get("code") or "")[:64], str(error.get("param") or "")[:64]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "", ""
