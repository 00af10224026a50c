"""One way to run every service."""

import gc
import runpy
import sys

import pytest


def test_a_service_is_run_by_its_name_with_its_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["services", "optimizer", "--unknown"])
    gc.unfreeze()
    try:
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("services", run_name="__main__")
        assert gc.get_freeze_count() > 0, "what was loaded is looked through for garbage"
    finally:
        gc.unfreeze()
    assert ended.value.code == 2
    assert "usage: python -m services optimizer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], r"usage: python -m services \{manager,worker"),
        (["mangler"], r"usage: python -m services \{manager,worker"),
        (["worker", "--verbose"], "worker takes no options"),
    ],
)
def test_words_that_run_nothing_are_told(
    monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["services", *words])
    with pytest.raises(SystemExit, match=said):
        runpy.run_module("services", run_name="__main__")
