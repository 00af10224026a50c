from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import graded_system


@pytest.mark.parametrize(
    ("arguments", "sandbox", "passed_on"),
    [
        ([], "auto", []),
        (["--lang", "ko"], "auto", ["--lang", "ko"]),
        (["--seed=3", "--sandbox", "off", "--keep-logs"], "off", ["--seed=3", "--keep-logs"]),
    ],
)
def test_other_flags_are_the_benchmarks(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], sandbox: str, passed_on: list[str]
) -> None:
    chosen: list[str] = []
    commands: list[tuple[str, ...]] = []

    @contextmanager
    def run_nothing(directory: Path, *, sandbox: str) -> Iterator[graded_system.GradedSystem]:
        chosen.append(sandbox)
        yield graded_system.GradedSystem(("--db-port=1",), {})

    def record(command: tuple[str, ...], **_: Any) -> SimpleNamespace:
        commands.append(command)
        return SimpleNamespace(returncode=7)

    monkeypatch.setattr(graded_system, "run_graded_system", run_nothing)
    monkeypatch.setattr(graded_system.subprocess, "run", record)
    assert graded_system.main(arguments) == 7
    assert chosen == [sandbox]
    (command,) = commands
    assert list(command[command.index("--db-port=1") + 3 :]) == passed_on
