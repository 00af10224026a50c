"""Chooses which model answers: the main one, or while that is dead one that stands in for it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.common.errors.model import ModelError
from services.common.llm.factory import ServingModel
from services.common.llm.invocation import close_model
from services.common.logging import get_logger
from services.common.schemas import ChatTask, TaskRequest

log = get_logger()

Reply = TypeVar("Reply")
CountFallback = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Served(Generic[Reply]):
    """An answer, and which model gave it.

    Attributes:
        fallback: That model as `provider:model`, where it stood in for the main one; else empty.
    """

    reply: Reply
    provider: str
    fallback: str = ""


class ServingModels:
    """The models that answer, in the order in which they are tried.

    Args:
        models: The main one first.
        count_fallback: Told of each answer by another, by provider and model.
    """

    def __init__(self, models: Sequence[ServingModel], count_fallback: CountFallback) -> None:
        self._main, *self._others = models
        self._count_fallback = count_fallback

    async def ask(
        self, task: TaskRequest | ChatTask, ask: Callable[[ServingModel], Awaitable[Reply]]
    ) -> Served[Reply]:
        """Ask the main model, or the next one where the breaker of one before it is open.

        A candidate is proven on the main model, so nobody stands in there.

        Args:
            task: What is to be answered.
            ask: Asks one model.

        Raises:
            ModelError: The main model's failure, where none answers.
        """
        try:
            return Served(await ask(self._main), self._main.provider)
        except ModelError as error:
            if not self._main.guard.is_open or task.candidate_id or task.purpose != "live":
                raise
            failure = error
        for model in self._others:
            try:
                reply = await ask(model)
            except ModelError as error:
                log.warning("fallback_failed", model=model.guard.name, code=error.code)
                if not model.guard.is_open:
                    raise
                continue
            self._count_fallback(model.provider, model.name)
            return Served(reply, model.provider, model.guard.name)
        raise failure

    async def close(self) -> None:
        """Close the models' connections."""
        for model in (self._main, *self._others):
            await close_model(model.chat)
