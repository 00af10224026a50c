"""The agent: a LangChain chain that gets the prompt of the moment with every call."""

from dataclasses import dataclass

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableLambda

from services.common.llm.invocation import AskedModel, ModelAnswer, invoke_model


@dataclass(frozen=True, slots=True)
class AgentCall:
    """What the chain takes: the prompt that serves now, and the input."""

    prompt: str
    refined_input: str


# Asynchronous, or LangChain would run it in a thread.
async def to_messages(call: AgentCall) -> list[BaseMessage]:
    """Write the conversation that the model sees.

    Prompt and input are data: no template engine reads them, so braces, percent signs and
    template syntax reach the model as they are. A blank prompt sends no system message.
    """
    messages: list[BaseMessage] = [HumanMessage(call.refined_input)]
    if call.prompt.strip():
        messages.insert(0, SystemMessage(call.prompt))
    return messages


class WorkerAgent:
    """Answers an input under the prompt that comes with it."""

    def __init__(self, model: AskedModel) -> None:
        self._chain = RunnableLambda(to_messages) | model

    async def generate(self, *, prompt: str, refined_input: str) -> ModelAnswer:
        """Generate an answer to `refined_input` under `prompt`.

        Raises:
            ModelError: If the model's provider fails.
        """
        return await invoke_model(self._chain, AgentCall(prompt, refined_input))
