import pytest
import typer

from selfheal.cli.terminal import friendly_errors
from selfheal.runtime.errors import EmbeddedRuntimeError, InterruptedStartError, PortTakenError
from services.common.config import Settings


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
        Settings()
    assert raised.value.exit_code == 2
    assert "MANAGER_PORT" in capsys.readouterr().err
