"""`selfheal evaluate`: score any code from the command line; no service needs to run."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from pydantic import ValidationError
from rich.console import Console

from selfheal.cli.terminal import (
    FAILURE_EXIT_CODE,
    AsJson,
    complain,
    friendly_errors,
    print_json,
)
from selfheal.display.verdict_rendering import print_verdict
from selfheal.local_evaluation import open_evaluation
from services.common.config import Settings
from services.common.errors import ServiceError, UnscoredError
from services.common.evaluation_detail import EvaluationDetail
from services.common.schemas import EvaluationRequest
from services.common.settings.process import USAGE_EXIT_CODE
from services.evaluator.app.services.scorer import Verdict

UNSCORED_EXIT_CODE = 3
STANDARD_INPUT = "-"

output = Console()


def evaluate(
    file: Annotated[str, typer.Argument(help="What is to be scored; - reads standard input.")],
    request: Annotated[str, typer.Option("--request", "-r", help="What was asked for.")],
    task_type: Annotated[
        str, typer.Option("--task-type", "-t", help="Task type whose rules apply.")
    ] = "code_generation",
    as_json: AsJson = False,
) -> None:
    """Score an answer, and say what was run, what came back and why it scored as it did.

    Works with nothing started: it judges in its own process, with the judge that the settings
    name, as the Evaluator would.

    Exits with 0 if the answer passed, with 1 if it failed, with 2 if the command or a setting is
    wrong, and with 3 if no score could be had.

    Example: selfheal evaluate solution.py --request "Write a function to sort a list"
    """
    with friendly_errors():
        settings = Settings()
    asked = _make_request(_read(file), request, task_type)
    try:
        verdict, detail = asyncio.run(_score(settings, asked))
    except UnscoredError as error:
        _complain(f"It could not be scored ({error.code}): {error.message}", as_json, error.code)
        raise typer.Exit(UNSCORED_EXIT_CODE) from error
    except ServiceError as error:
        _complain(error.message, as_json, error.code)
        raise typer.Exit(USAGE_EXIT_CODE) from error
    if as_json:
        content = {"score": verdict.score, "passed": verdict.passed, "detail": detail.as_json()}
        print_json(content)
    else:
        print_verdict(output, score=verdict.score, passed=verdict.passed, detail=detail)
    if not verdict.passed:
        raise typer.Exit(FAILURE_EXIT_CODE)


async def _score(
    settings: Settings, request: EvaluationRequest
) -> tuple[Verdict, EvaluationDetail]:
    async with open_evaluation(settings) as evaluation:
        return await evaluation.evaluate(request)


def _read(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise typer.BadParameter(f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{file} is no UTF-8 text") from error


def _make_request(answer: str, request: str, task_type: str) -> EvaluationRequest:
    try:
        return EvaluationRequest(
            request_id=uuid4(),
            task_type=task_type,
            user_input=request,
            refined_input=request,
            worker_output=answer,
        )
    except ValidationError as error:
        names = {"worker_output": "FILE", "task_type": "--task-type"}
        problem = error.errors(include_input=False, include_url=False)[0]
        name = names.get(str(problem["loc"][0]), "--request")
        raise typer.BadParameter(f"{name}: {problem['msg']}") from error


def _complain(message: str, as_json: bool, code: str) -> None:
    if as_json:
        print_json({"score": None, "passed": None, "code": code, "message": message}, indent=None)
    complain(message)
