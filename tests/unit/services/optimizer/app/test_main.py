"""Which analyst the settings choose."""

from typing import Any

import pytest

from services.common.config import Settings
from services.common.errors import ServiceError
from services.optimizer.app.main import create_analyst


def settings(**values: Any) -> Settings:
    return Settings(
        _env_file=None, **{"llm_provider": "simulated", "optimizer_model": "", **values}
    )


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="simulated"),
        pytest.param({"llm_provider": "local"}, id="local"),
        pytest.param(
            {"llm_provider": "openai", "llm_api_key": "key", "optimizer_model": "rules"},
            id="hosted-that-must-not-write",
        ),
    ],
)
def test_rules_alone_propose(values: dict[str, Any]) -> None:
    assert create_analyst(settings(**values)) is None


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"llm_provider": "openai", "llm_api_key": "key"}, id="hosted"),
        pytest.param({"optimizer_model": "local:some"}, id="named"),
    ],
)
def test_a_model_proposes(values: dict[str, Any]) -> None:
    assert create_analyst(settings(**values)) is not None


def test_an_analyst_without_its_key_is_a_wrong_setting() -> None:
    with pytest.raises(ServiceError, match="LLM_API_KEY"):
        create_analyst(settings(optimizer_model="openai:some"))
