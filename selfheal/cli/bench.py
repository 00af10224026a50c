"""`selfheal bench`: measurements, which are programs of the repository."""

import importlib
from pathlib import Path
from typing import Any, Final

import typer

import services
from selfheal.cli.terminal import (
    friendly_errors,
)
from selfheal.runtime.errors import EmbeddedRuntimeError

# Every argument is the benchmark's own, --help too.
PASSTHROUGH: Final[dict[str, Any]] = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}

app = typer.Typer(no_args_is_help=True, help="Measure how well the system heals.")


@app.callback()
def bench() -> None:
    """Measure how well the system heals."""


@app.command("heal", context_settings=PASSTHROUGH, add_help_option=False)
def bench_heal(context: typer.Context) -> None:
    """Break prompts and services on purpose, and measure the healing; --help has its options.

    Example: selfheal bench heal --model simulated
    """
    with friendly_errors():
        main = find_benchmark("healing")
    raise typer.Exit(main(list(context.args)))


def find_benchmark(name: str) -> Any:
    """Return the `main` of a benchmark.

    Raises:
        EmbeddedRuntimeError: If it isn't there, as where only the package is installed.
    """
    program = Path(services.__path__[0]).parent / "benchmarks" / name / "__main__.py"
    if not program.is_file():
        raise EmbeddedRuntimeError(
            f"The {name} benchmark isn't a part of the installed package.",
            remedy="Clone the repository of self-healing-agent-system and run it there: "
            "make up, then .venv/bin/selfheal bench heal",
        )
    return importlib.import_module(f"benchmarks.{name}.__main__").main
