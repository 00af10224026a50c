"""One way to run every service."""

import gc
import runpy
import sys

import pytest


def test_a_service_is_run_by_its_name_with_its_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["services", "optimizer", "--unknown"])
    try:
        with pytest.raises(SystemExit) as ended:
            runpy.run_module("services", run_name="__main__")
    finally:
        gc.unfreeze()
    assert ended.value.code == 2
    assert "usage: python -m services optimizer" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["mangler"]])
def test_without_the_name_of_one_it_says_what_there_is(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["services", *words])
    with pytest.raises(SystemExit, match=r"usage: python -m services \{manager,worker"):
        runpy.run_module("services", run_name="__main__")
