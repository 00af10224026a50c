"""A LangChain chat model for OpenAI-compatible endpoints, light enough for a serving path.

`langchain_openai.ChatOpenAI` takes over five times the CPU a call, and half a second more at each
start (`docs/decisions/0002-own-chat-completions-client.md`).
"""

from typing import Any

import aiohttp
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict, PrivateAttr, SecretStr

from services.common.llm.endpoint import ChatEndpoint, read_events
from services.common.llm.guard import ProviderGuard
from services.common.llm.reply import join_reply
from services.common.settings.model import DEFAULT_HOSTED_PROVIDER
from services.common.tracing.inference import inferring

ROLES = {"system": "system", "human": "user", "ai": "assistant"}
# With the blank line after it: a fence that opens a block without a language has none.
CLOSING_FENCE = "\n```\n\n"


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
        provider: As the settings name it.
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
    provider: str = DEFAULT_HOSTED_PROVIDER

    _endpoint: ChatEndpoint = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Make the endpoint; nothing is opened before the first call."""
        super().model_post_init(context)
        self._endpoint = ChatEndpoint(
            base_url=self.base_url,
            model=self.model,
            api_key=self.api_key,
            timeout_seconds=self.timeout_seconds,
            provider=self.provider,
        )

    @property
    def endpoint(self) -> ChatEndpoint:
        """The endpoint, for calls that no LangChain message is to come between."""
        return self._endpoint

    @property
    def guard(self) -> ProviderGuard:
        """What keeps calls from a dead provider."""
        return self._endpoint.guard

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of every call, by the names of the API."""
        parameters = {
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
        }
        return {name: value for name, value in parameters.items() if value is not None}

    @property
    def _llm_type(self) -> str:
        return "chat-completions"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model": self.model, "base_url": self.base_url}

    async def aclose(self) -> None:
        """Close the connections."""
        await self._endpoint.aclose()

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
        sent = [
            {"role": ROLES.get(message.type, "user"), "content": message.content}
            for message in messages
        ]
        stops = [*(stop or ()), *([CLOSING_FENCE] if self.stop_after_code_block else ())]
        own = {**self.parameters, **({"stop": stops} if stops else {})}
        request = {"messages": sent}
        with inferring(self.guard.name, {**own, **request}) as inference:
            message = await self._endpoint.ask(request, own, self._read)
            if inference:
                inference.tell_message(message)
        if self.stop_after_code_block:
            _close_fence(message)
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _read(self, response: aiohttp.ClientResponse) -> AIMessage:
        return join_reply(await read_events(response), self.model)


def _close_fence(message: AIMessage) -> None:
    """Put back the closing fence that the stop sequence cut off."""
    text = str(message.content)
    if message.response_metadata["finish_reason"] == "stop" and text.count("```") % 2:
        message.content = text.rstrip("\n") + "\n```"
