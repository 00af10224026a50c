"""The agent: a LangChain chain that takes its system prompt with every call."""

from dataclasses import dataclass
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig

from services.common.llm.invocation import ModelAnswer, invoke_model


def build_messages(prompt: str, refined_input: str) -> list[BaseMessage]:
    """The conversation that the model sees.

    Prompt and input are data: no template engine reads them, so braces, percent signs and
    template syntax reach the model as they are. A blank prompt sends no system message.
    """
    messages: list[BaseMessage] = [HumanMessage(refined_input)]
    if prompt.strip():
        messages.insert(0, SystemMessage(prompt))
    return messages


@dataclass(frozen=True, slots=True)
class AgentCall:
    """What one call of the agent takes: the prompt of the moment, and the input."""

    prompt: str
    refined_input: str


class PromptedModel(Runnable[AgentCall, AIMessage]):
    """The chain: from a call, with the prompt of the moment, to the model's answer.

    One link instead of LangChain's `prompt | model`: joining two costs a sixth of the Worker's
    CPU, and a `RunnableLambda`, which inspects its function at every call, another tenth.

    Args:
        model: Any LangChain chat model.
    """

    def __init__(self, model: BaseChatModel) -> None:
        self._model = model

    def invoke(
        self,
        input: AgentCall,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Answer a call; callbacks and tags of `config` go to the model."""
        return self._model.invoke(
            build_messages(input.prompt, input.refined_input), config, **kwargs
        )

    async def ainvoke(
        self,
        input: AgentCall,  # noqa: A002 - LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Answer a call; callbacks and tags of `config` go to the model."""
        return await self._model.ainvoke(
            build_messages(input.prompt, input.refined_input), config, **kwargs
        )


class WorkerAgent:
    """Answers an input under the prompt of the moment.

    Args:
        model: Any LangChain chat model.
    """

    def __init__(self, model: BaseChatModel) -> None:
        self._chain = PromptedModel(model)

    async def generate(self, *, prompt: str, refined_input: str) -> ModelAnswer:
        """Generate an answer to `refined_input` under `prompt`.

        Raises:
            ModelError: If the model's provider fails.
        """
        return await invoke_model(self._chain, AgentCall(prompt, refined_input))
