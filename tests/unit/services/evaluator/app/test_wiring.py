"""Which judge the settings choose."""

from typing import Any

import pytest

from services.common.config import Settings
from services.common.errors import ServiceError
from services.evaluator.app.services.judging.judge import RubricJudge
from services.evaluator.app.services.judging.llm_judge import LlmJudge
from services.evaluator.app.wiring import create_judge


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **{"llm_provider": "simulated", "judge_model": "", **values})


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="simulated"),
        pytest.param({"llm_provider": "local"}, id="local"),
        pytest.param(
            {"llm_provider": "openai", "llm_api_key": "key", "judge_model": "rubric"},
            id="hosted-that-must-not-judge",
        ),
    ],
)
def test_the_rubric_judges(values: dict[str, Any]) -> None:
    assert isinstance(create_judge(settings(**values)), RubricJudge)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        pytest.param(
            {"llm_provider": "openai", "llm_api_key": "key"}, "openai:gpt-4.1-mini", id="hosted"
        ),
        pytest.param({"judge_model": "local:some"}, "local:some", id="named"),
    ],
)
async def test_a_model_judges(values: dict[str, Any], name: str) -> None:
    judge = create_judge(settings(**values))
    assert isinstance(judge, LlmJudge)
    assert judge.name == name
    assert judge.identity.startswith(f"{name}@")
    await judge.close()


def test_a_judge_without_its_key_is_a_wrong_setting() -> None:
    with pytest.raises(ServiceError, match="OPENAI_API_KEY"):
        create_judge(settings(judge_model="openai:some"))
