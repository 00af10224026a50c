from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import PrivateAttr
from structlog.testing import capture_logs

from services.common.config import Settings
from services.common.errors.model import ModelTimeoutError
from services.common.metrics import ServiceMetrics
from services.common.schemas import MAX_INPUT_CHARACTERS, TaskRequest
from services.manager.app.main import create_refiner
from services.manager.app.services.refinement.refiners import PROMPT_FILE, LlmRefiner, RuleRefiner

TYPED = "  please   sort a list \u200b"


class FakeModel(BaseChatModel):
    """Answers as told, or fails; keeps what it was asked."""

    reply: str = ""
    error: Any = None
    _conversations: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "fake"

    def _generate(self, messages: list[BaseMessage], *args: Any, **options: Any) -> ChatResult:
        self._conversations.append(messages)
        if self.error is not None:
            raise self.error
        return ChatResult(generations=[ChatGeneration(message=AIMessage(self.reply))])


class ClosableModel(FakeModel):
    """Holds connections."""

    _is_closed: bool = PrivateAttr(default=False)

    async def aclose(self) -> None:
        self._is_closed = True


RULES = RuleRefiner(language="Python")


async def refine_with(model: FakeModel) -> str:
    return await LlmRefiner(model, RULES).refine(TYPED, task_type="code_generation")


async def refined_by_rules() -> str:
    return await RULES.refine(TYPED, task_type="code_generation")


async def test_the_model_sees_what_the_rules_refined() -> None:
    model = FakeModel(reply="Sort a list of numbers in Python.")
    await refine_with(model)

    [[system, human]] = model._conversations
    assert isinstance(system, SystemMessage)
    assert system.content == PROMPT_FILE.read_text(encoding="utf-8")
    assert human == HumanMessage(await refined_by_rules())


async def test_what_the_model_rewords_is_refined_by_the_rules() -> None:
    reworded = await refine_with(FakeModel(reply="  Sort a  list of numbers in Python.\u200b "))

    assert reworded.startswith("Sort a list of numbers in Python.")


@pytest.mark.parametrize(
    "model",
    [
        FakeModel(reply=""),
        FakeModel(reply=" \n\u200b"),
        FakeModel(reply="x" * (MAX_INPUT_CHARACTERS + 1)),
        FakeModel(error=ModelTimeoutError("late")),
        FakeModel(error=RuntimeError("broken")),
    ],
    ids=["nothing", "nothing to see", "too much", "late", "broken"],
)
async def test_where_the_model_is_of_no_use_the_rules_stand_in(model: FakeModel) -> None:
    assert await refine_with(model) == await refined_by_rules()


@pytest.mark.parametrize("unstorable", ["\x00", "\ud800", "\udfff\x00"])
@pytest.mark.parametrize(
    "reply", ["Sort {}.", "```python\nx = '{}'\n```", "Call `{}` it.", "```{}"]
)
async def test_whatever_the_model_answers_can_be_sent_and_stored(
    reply: str, unstorable: str
) -> None:
    refined = await refine_with(FakeModel(reply=reply.format(unstorable)))

    request = TaskRequest(request_id=uuid4(), task_type="code_generation", refined_input=refined)
    assert request.model_dump_json()
    assert refined != await refined_by_rules()


@pytest.mark.parametrize(
    "typed",
    ["please call it with password=hunter2", "use ghp_16C7e42F292c6912E7710c838347Ae178B4a"],
)
async def test_a_secret_is_not_shown_to_the_model(typed: str) -> None:
    model = FakeModel(reply="Reworded.")
    with capture_logs() as logs:
        refined = await LlmRefiner(model, RULES).refine(typed, task_type="code_generation")

    assert refined == await RULES.refine(typed, task_type="code_generation")
    assert model._conversations == []
    assert [(entry["event"], entry["reason"]) for entry in logs] == [
        ("refiner_skipped", "holds_secret")
    ]


async def test_the_models_connections_are_closed_with_the_refiner() -> None:
    model = ClosableModel()
    await LlmRefiner(model, RULES).close()
    await RULES.close()

    assert model._is_closed


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("bare_environment")
@pytest.mark.parametrize(
    ("overrides", "kind"),
    [({}, RuleRefiner), ({"refiner_model": "simulated"}, LlmRefiner)],
    ids=["rules by default", "a model where one is named"],
)
def test_the_settings_choose_the_refiner(overrides: dict[str, Any], kind: type) -> None:
    assert type(create_refiner(Settings(**overrides), ServiceMetrics("manager"))) is kind
