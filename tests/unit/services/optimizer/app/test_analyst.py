"""Which analyst the settings choose."""

from typing import Any

import pytest

from services.common.config import Settings
from services.common.errors import ServiceError
from services.optimizer.app.analyst import open_analyst
from services.optimizer.app.services.repair.candidates import Analyst


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
async def test_rules_alone_propose(values: dict[str, Any]) -> None:
    async with open_analyst(settings(**values)) as analyst:
        assert analyst == Analyst(None, None)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"llm_provider": "openai", "llm_api_key": "key"}, id="hosted"),
        pytest.param({"optimizer_model": "local:some"}, id="named"),
    ],
)
async def test_a_model_proposes(values: dict[str, Any]) -> None:
    async with open_analyst(settings(**values)) as analyst:
        assert analyst.reflect is not None
        assert analyst.ask_model is not None


async def test_an_analyst_without_its_key_is_a_wrong_setting() -> None:
    with pytest.raises(ServiceError, match="OPENAI_API_KEY"):
        async with open_analyst(settings(optimizer_model="openai:some")):
            pass


async def test_the_analysts_model_is_closed_when_the_run_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[object] = []

    async def note(model: object) -> None:
        closed.append(model)

    monkeypatch.setattr("services.common.llm.invocation.close_model", note)
    async with open_analyst(settings(optimizer_model="local:some")):
        assert not closed
    assert len(closed) == 1
