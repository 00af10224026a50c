import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

import services
from selfheal.cli.main import app

NAME = "benchmarks.healing.__main__"


@pytest.fixture
def provide_benchmark(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[Callable[[list[str]], int]], None]:
    """Puts a benchmark where the repository has it."""

    def provide(main: Callable[[list[str]], int]) -> None:
        program = tmp_path / "benchmarks" / "healing" / "__main__.py"
        program.parent.mkdir(parents=True)
        program.touch()
        module = ModuleType(NAME)
        module.main = main  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, NAME, module)
        monkeypatch.setattr(services, "__path__", [str(tmp_path / "services")])

    return provide


@pytest.mark.parametrize(
    "arguments", [[], ["--model", "simulated", "--full"], ["--help"], ["-x", "--", "y"]]
)
def test_every_argument_is_the_benchmarks_own(
    provide_benchmark: Callable[..., None], arguments: list[str]
) -> None:
    got: list[list[str]] = []

    def run(argv: list[str]) -> int:
        got.append(argv)
        return 3

    provide_benchmark(run)
    done = CliRunner().invoke(app, ["bench", "heal", *arguments])
    assert done.exit_code == 3
    assert got == [[argument for argument in arguments if argument != "--"]]


def test_without_the_repository_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(services, "__path__", [str(tmp_path / "services")])
    done = CliRunner().invoke(app, ["bench", "heal", "--help"])
    assert done.exit_code == 1
    assert "Clone the repository" in done.output


def test_the_group_has_a_help_of_its_own() -> None:
    assert "heal" in CliRunner().invoke(app, ["bench", "--help"]).output
