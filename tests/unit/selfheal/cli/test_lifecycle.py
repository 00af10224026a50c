import pytest

from selfheal.cli.lifecycle import choose_settings
from services.common.config import Settings


@pytest.fixture(autouse=True)
def hosted_model(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.chdir(str(tmp_path))
    for name in list(Settings.model_fields):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("LLM_PROVIDER", "openai")
    monkeypatch.setenv("LLM_MODEL", "some-model")
    monkeypatch.setenv("LLM_BASE_URL", "https://models.example/v1")


def test_another_provider_does_not_get_the_model_and_address_of_the_one_that_is_set() -> None:
    settings = choose_settings("local")
    assert settings.llm_provider == "local"
    assert settings.llm_model == "SmolLM2-135M-Instruct"
    assert settings.llm_base_url == "http://127.0.0.1:8010/v1"


@pytest.mark.parametrize("llm", [None, "openai"])
def test_the_provider_that_is_set_keeps_its_model(llm: str | None) -> None:
    assert choose_settings(llm).llm_model == "some-model"
