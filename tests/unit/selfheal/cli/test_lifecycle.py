import pytest
import typer

from selfheal.cli.lifecycle import choose_settings, friendly_errors
from selfheal.runtime.errors import EmbeddedRuntimeError, InterruptedStartError, PortTakenError
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


def read(error: Exception, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(typer.Exit) as raised, friendly_errors():
        raise error
    captured = capsys.readouterr()
    assert captured.out == ""
    return raised.value.exit_code, " ".join(captured.err.split())


def test_a_failure_is_a_sentence_with_its_remedy_and_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    error = PortTakenError(port=8000, setting="MANAGER_PORT", holder="`x` (pid 1)")
    code, message = read(error, capsys)
    assert code == 1
    assert message == f"error: {error.message} {error.remedy}"
    failure = EmbeddedRuntimeError("It [failed].", log_tail="[red]last line[/red]")
    assert read(failure, capsys) == (1, "[red]last line[/red] error: It [failed].")


def test_an_interruption_has_an_exit_code_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert read(InterruptedStartError(), capsys)[0] == 130


def test_files_that_are_not_ours_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    error = PermissionError(13, "Permission denied", ".selfheal/run")
    code, message = read(error, capsys)
    assert code == 1
    assert message.startswith("error: .selfheal/run: Permission denied.")


def test_a_setting_out_of_range_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANAGER_PORT", "99999")
    with pytest.raises(typer.Exit) as raised, friendly_errors():
        choose_settings(None)
    assert raised.value.exit_code == 2
    assert "MANAGER_PORT" in capsys.readouterr().err
