"""A LangChain chat model behind its provider's guard, for whoever asks it plainly."""

from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig

from services.common.llm.guard import ProviderGuard
from services.common.llm.invocation import close_model, translating_vendor_errors
from services.common.tracing.inference import belonging_to, inferring


class GuardedModel(Runnable[LanguageModelInput, AIMessage]):
    """Asks a model where its guard lets it; vendors' exceptions come out translated."""

    def __init__(self, model: BaseChatModel, guard: ProviderGuard) -> None:
        self.model = model
        self.guard = guard

    def invoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Refuse: models are asked asynchronously."""
        raise NotImplementedError("this model is asynchronous: use ainvoke")

    async def ainvoke(
        self,
        input: LanguageModelInput,  # noqa: A002 - LangChain's
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AIMessage:
        """Ask the model.

        Raises:
            ModelError: If the provider fails, or is to be left alone.
        """
        self.guard.admit()
        asked = {"messages": input}
        with inferring(self.guard.name, asked) as inference, belonging_to(inference):
            async with self.guard.watching():
                with translating_vendor_errors():
                    message = await self.model.ainvoke(input, config, **kwargs)
            if inference:
                inference.tell_message(message)
            return message

    async def aclose(self) -> None:
        """Close the model's connections."""
        await close_model(self.model)
