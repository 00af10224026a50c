"""The simulated model: does what a compliant model would do with the prompt it is given."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from simulated_model.composition.answering import MODEL_NAME, answer, count_tokens


class SimulatedChatModel(BaseChatModel):
    """A chat model that computes its answer from the messages alone, the same every time.

    All system messages together are its instructions, the last human message is the request.
    """

    @property
    def _llm_type(self) -> str:
        return MODEL_NAME

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        return _complete(messages, stop)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate(*args, **kwargs)  # LangChain's own would take a thread


def _complete(messages: list[BaseMessage], stop: list[str] | None) -> ChatResult:
    prompt = "\n\n".join(
        str(message.text) for message in messages if isinstance(message, SystemMessage)
    )
    requests = [str(message.text) for message in messages if isinstance(message, HumanMessage)]
    text = answer(prompt, requests[-1] if requests else "")
    for sequence in stop or ():
        text = text.split(sequence, 1)[0] if sequence else text
    input_tokens = sum(count_tokens(str(message.text)) for message in messages)
    output_tokens = count_tokens(text)
    message = AIMessage(
        content=text,
        response_metadata={"model_name": MODEL_NAME, "finish_reason": "stop"},
        usage_metadata={
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        },
    )
    return ChatResult(generations=[ChatGeneration(message=message)])
