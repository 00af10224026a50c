import sys
import types
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from pydantic import BaseModel

from services.common.config import Settings
from services.common.llm.chat_completions import ChatCompletionsModel
from services.common.llm.factory import (
    ModelSettingError,
    create_chat_model,
    create_model_from_spec,
    create_serving_models,
)
from services.common.llm.guarded_model import GuardedModel
from simulated_model.model import SimulatedChatModel

KEY = "sk-" + "secret"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def key_of(model: ChatCompletionsModel) -> str | None:
    return model.api_key.get_secret_value() if model.api_key else None


def test_nothing_set_makes_the_simulated_model() -> None:
    assert isinstance(create_chat_model(Settings()), SimulatedChatModel)


@pytest.mark.parametrize(
    ("overrides", "base_url", "name", "key"),
    [
        pytest.param(
            {"llm_api_key": KEY},
            "https://api.openai.com/v1",
            "gpt-4.1-mini",
            KEY,
            id="a key alone is OpenAI's",
        ),
        pytest.param(
            {"llm_api_key": KEY, "llm_base_url": "https://llm.example/v1", "llm_model": "m"},
            "https://llm.example/v1",
            "m",
            KEY,
            id="a compatible endpoint",
        ),
        pytest.param(
            {"llm_provider": "openai", "llm_base_url": "http://127.0.0.1:11434/v1"},
            "http://127.0.0.1:11434/v1",
            "gpt-4.1-mini",
            None,
            id="an endpoint without keys",
        ),
        pytest.param(
            {"llm_provider": "local"},
            "http://127.0.0.1:8010/v1",
            "SmolLM2-135M-Instruct",
            None,
            id="the local model",
        ),
        pytest.param(
            {"llm_provider": "local", "local_model_port": 9010},
            "http://127.0.0.1:9010/v1",
            "SmolLM2-135M-Instruct",
            None,
            id="the local model on another port",
        ),
        pytest.param(
            {"llm_provider": "local", "local_model_url": "http://local-model:8010/v1"},
            "http://local-model:8010/v1",
            "SmolLM2-135M-Instruct",
            None,
            id="the local model on another machine",
        ),
    ],
)
def test_provider_and_key_make_a_chat_completions_model(
    overrides: dict[str, Any], base_url: str, name: str, key: str | None
) -> None:
    model = create_chat_model(Settings(**overrides))

    assert isinstance(model, ChatCompletionsModel)
    assert (model.base_url, model.model, key_of(model)) == (base_url, name, key)


def test_the_settings_of_a_call_reach_the_model() -> None:
    settings = Settings(
        llm_api_key=KEY,
        llm_temperature=0.3,
        llm_seed=11,
        llm_max_tokens=99,
        llm_timeout_seconds=12,
        llm_stop_after_code_block=True,
    )
    model = create_chat_model(settings)

    assert isinstance(model, ChatCompletionsModel)
    assert (model.temperature, model.seed, model.max_tokens) == (0.3, 11, 99)
    assert model.timeout_seconds == 12
    assert model.stop_after_code_block


def test_a_judge_of_openai_s_beside_a_local_worker_takes_the_vendor_s_key() -> None:
    settings = Settings(llm_provider="local", openai_api_key="other-key")
    model = create_model_from_spec(settings, "openai:gpt-4.1-mini")
    assert isinstance(model, ChatCompletionsModel)
    assert (model.base_url, key_of(model)) == ("https://api.openai.com/v1", "other-key")


def test_without_one_it_is_named() -> None:
    with pytest.raises(ModelSettingError, match="OPENAI_API_KEY"):
        create_model_from_spec(Settings(llm_provider="local"), "openai:gpt-4.1-mini")


def test_openai_without_a_key_says_where_to_put_it() -> None:
    with pytest.raises(ModelSettingError) as failure:
        create_chat_model(Settings(llm_provider="openai"))

    for words in ("LLM_API_KEY", ".env", "LLM_PROVIDER=simulated"):
        assert words in failure.value.message


@pytest.mark.parametrize(
    ("spec", "name"),
    [("openai:gpt-x", "gpt-x"), ("openai", "gpt-4.1-mini"), ("openai:ft:gpt:acme", "ft:gpt:acme")],
)
def test_a_spec_of_the_main_provider_takes_its_key_and_endpoint(spec: str, name: str) -> None:
    settings = Settings(llm_api_key=KEY, llm_base_url="https://llm.example/v1")
    model = create_model_from_spec(settings, spec)

    assert isinstance(model, ChatCompletionsModel)
    assert (model.model, model.base_url, key_of(model)) == (name, "https://llm.example/v1", KEY)


def test_a_spec_of_another_provider_never_sees_the_key_or_the_endpoint() -> None:
    settings = Settings(llm_api_key=KEY, llm_base_url="https://llm.example/v1")
    model = create_model_from_spec(settings, "local:SmolLM2-135M-Instruct")

    assert isinstance(model, ChatCompletionsModel)
    assert (model.base_url, key_of(model)) == ("http://127.0.0.1:8010/v1", None)


def test_a_spec_may_name_the_simulated_model() -> None:
    model = create_model_from_spec(Settings(llm_api_key=KEY), "simulated")

    assert isinstance(model, GuardedModel)
    assert isinstance(model.model, SimulatedChatModel)


def test_fallbacks_come_after_the_main_model_each_with_its_own_key_and_guard() -> None:
    settings = Settings(
        llm_api_key=KEY,
        llm_model="gpt-x",
        llm_base_url="https://llm.example/v1",
        llm_fallbacks="openai:gpt-y, Local:SmolLM2-135M-Instruct,simulated:simulated",
    )
    models = create_serving_models(settings)

    assert [(model.provider, model.name) for model in models] == [
        ("openai", "gpt-x"),
        ("openai", "gpt-y"),
        ("local", "SmolLM2-135M-Instruct"),
        ("simulated", "simulated"),
    ]
    assert [key_of(model.chat) for model in models[:3]] == [KEY, KEY, None]  # type: ignore[arg-type]
    assert len({id(model.guard) for model in models}) == 4
    assert [model.guard.name for model in models[:2]] == ["openai:gpt-x", "openai:gpt-y"]


class FakeRegistry:
    """LangChain's `init_chat_model`: notes what it was asked for, or fails."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.error: Exception | None = None

    def init_chat_model(self, model: str, **options: Any) -> FakeListChatModel:
        self.calls.append({"model": model, **options})
        if self.error is not None:
            raise self.error
        return FakeListChatModel(responses=["Hello"])


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    registry = FakeRegistry()
    module = types.ModuleType("langchain.chat_models")
    module.init_chat_model = registry.init_chat_model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "langchain.chat_models", module)
    return registry


def test_any_other_provider_is_made_by_langchain(registry: FakeRegistry) -> None:
    settings = Settings(
        llm_provider="anthropic", llm_model="claude-x", llm_api_key=KEY, llm_timeout_seconds=12
    )
    model = create_chat_model(settings)

    assert isinstance(model, FakeListChatModel)
    assert registry.calls == [
        {
            "model": "claude-x",
            "model_provider": "anthropic",
            "api_key": KEY,
            "temperature": 0.0,
            "max_tokens": 1024,
            "timeout": 12,
        }
    ]


def test_what_is_none_is_not_handed_to_langchain(registry: FakeRegistry) -> None:
    none = {"llm_temperature": "none", "llm_max_tokens": "none"}
    create_chat_model(Settings(llm_provider="anthropic", llm_model="claude-x", **none))

    assert registry.calls[0].keys() == {"model", "model_provider", "timeout"}


def test_another_provider_than_the_main_one_finds_its_own_key(registry: FakeRegistry) -> None:
    create_model_from_spec(Settings(llm_api_key=KEY), "anthropic:claude-x")

    assert "api_key" not in registry.calls[0]
    assert "base_url" not in registry.calls[0]


class VendorModel(BaseModel):
    """Stands for a vendor's chat model that lacks a setting of its own."""

    api_key: str
    region: str


class VendorSettingError(Exception):
    """Stands for what some vendors raise where their key is missing."""


def make_validation_error() -> Exception:
    """What pydantic raises for it: the words of that repeat all that was given, the key too."""
    with pytest.raises(ValueError, match=KEY) as failure:
        VendorModel.model_validate({"api_key": KEY})
    return failure.value


@pytest.mark.parametrize(
    "error",
    [
        ImportError("no module named langchain_anthropic"),
        ValueError("Unsupported provider"),
        make_validation_error(),
        VendorSettingError("the key is missing"),
    ],
    ids=["no package", "unknown provider", "a setting of the vendor", "the vendor's own error"],
)
def test_what_langchain_can_not_make_says_what_to_check_and_tells_no_key(
    registry: FakeRegistry, error: Exception
) -> None:
    registry.error = error
    settings = Settings(llm_provider="anthropic", llm_model="claude-x", llm_api_key=KEY)
    with pytest.raises(ModelSettingError) as failure:
        create_chat_model(settings)

    assert "'anthropic'" in failure.value.message
    assert "LLM_PROVIDER and LLM_MODEL" in failure.value.message
    assert KEY not in failure.value.message


def test_a_provider_without_a_default_model_wants_one(registry: FakeRegistry) -> None:
    with pytest.raises(ModelSettingError, match="LLM_MODEL"):
        create_chat_model(Settings(llm_provider="anthropic", llm_api_key=KEY))

    assert registry.calls == []


def test_without_langchain_a_provider_says_which_extra_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(ModelSettingError, match="'hosted' extra"):
        create_chat_model(Settings(llm_provider="anthropic", llm_model="claude-x"))
