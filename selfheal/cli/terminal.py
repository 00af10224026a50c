"""What every command says to a person: results for scripts, progress, errors with a remedy."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from selfheal.runtime.errors import EmbeddedRuntimeError, InterruptedStartError
from services.common.config import explain_problems
from services.common.settings.process import USAGE_EXIT_CODE

FAILURE_EXIT_CODE: Final = 1
INTERRUPTED_EXIT_CODE: Final = 130

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a script.")]

messages = Console(stderr=True)


@contextmanager
def friendly_errors() -> Iterator[None]:
    """Turn what a person can do something about into a sentence on stderr and an exit code."""
    try:
        yield
    except InterruptedStartError as error:
        messages.print("Interrupted; what was started has been stopped.")
        raise typer.Exit(INTERRUPTED_EXIT_CODE) from error
    except EmbeddedRuntimeError as error:
        if error.log_tail:
            messages.print(Text(error.log_tail, style="dim"), soft_wrap=True)
        complain(error.message, error.remedy)
        raise typer.Exit(FAILURE_EXIT_CODE) from error
    except ValidationError as error:
        for setting, problem in explain_problems(error).items():
            complain(f"{setting}: {problem}.", "Fix it in the environment or in .env.")
        raise typer.Exit(USAGE_EXIT_CODE) from error
    except UnicodeDecodeError as error:
        complain("The file .env is no UTF-8 text.", "Save it as UTF-8, or delete it.")
        raise typer.Exit(USAGE_EXIT_CODE) from error
    except OSError as error:
        complain(
            f"{error.filename or 'The system'}: {error.strerror or error}.",
            "Run this as the user who started the system, or set SELFHEAL_HOME."
            if isinstance(error, PermissionError)
            else "",
        )
        raise typer.Exit(FAILURE_EXIT_CODE) from error


@contextmanager
def showing_progress(what: str) -> Iterator[Callable[[str], None]]:
    """Show each step: as a spinner in a terminal, as lines elsewhere."""
    if not messages.is_terminal:
        yield tell
        return
    with messages.status(what) as spinner:

        def show(message: str) -> None:
            spinner.update(Text(message))

        yield show


def tell(message: str) -> None:
    """Print a line on stderr as it is."""
    messages.print(message, markup=False, highlight=False)


def complain(message: str, remedy: str = "") -> None:
    """Print an error on stderr."""
    sentence = f"{message} {remedy}".rstrip()
    messages.print(Text.assemble(("error: ", "bold red"), sentence), soft_wrap=True)


def print_json(content: object, *, indent: int | None = 2) -> None:
    """Print JSON for a script."""
    typer.echo(json.dumps(content, indent=indent, default=str, ensure_ascii=False))
