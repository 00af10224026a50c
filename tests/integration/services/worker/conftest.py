"""A Worker in this process, on a real database, with a model that listens."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr

from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.config import Settings
from services.worker.app import main

METADATA = {"model_name": "listening-1", "finish_reason": "stop"}


@pytest.fixture
def database_url(database_server: EmbeddedPostgres, connection: asyncpg.Connection) -> str:
    """Where the database of `connection` is, for the Worker's own user."""
    return database_server.service_urls["worker"]


class ListeningModel(BaseChatModel):
    """Answers with the prompt that it was given, or as `reply` says; keeps what it was asked."""

    reply: str | None = None
    error: Any = None
    _conversations: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "listening"

    @property
    def conversations(self) -> list[list[BaseMessage]]:
        return self._conversations

    def _generate(self, messages: list[BaseMessage], *args: Any, **options: Any) -> ChatResult:
        self._conversations.append(messages)
        if self.error is not None:
            raise self.error
        prompts = [str(m.content) for m in messages if isinstance(m, SystemMessage)]
        text = "\n".join(prompts) if self.reply is None else self.reply
        answer = AIMessage(text, response_metadata=METADATA)
        return ChatResult(generations=[ChatGeneration(message=answer)])


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ListeningModel:
    model = ListeningModel()
    monkeypatch.setattr("simulated_model.model.SimulatedChatModel", lambda: model)
    return model


@pytest.fixture
async def worker(
    model: ListeningModel,
    serve: Callable[[FastAPI], Awaitable[httpx.AsyncClient]],
    make_settings: Callable[..., Settings],
) -> httpx.AsyncClient:
    return await serve(main.create_worker(make_settings(internal_token="open sesame")))
