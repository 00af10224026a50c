"""`selfheal tasks`: the task types that have a directory, those of your own included."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from selfheal.cli.terminal import (
    FAILURE_EXIT_CODE,
    AsJson,
    friendly_errors,
    messages,
    print_json,
)
from selfheal.operator_database import ask_database
from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.task_types.checking import Problem, count_attempts, find_problems
from selfheal.task_types.sample_run import SampleRun, run_sample
from selfheal.task_types.scaffold import write_scaffold
from services.common.config import Settings
from services.common.record.activation import serve_task_type
from services.common.record.prompts import load_serving_versions
from services.common.task_types import TaskType, TaskTypeError, TaskTypes
from services.common.task_types.reading import DEFINITION_FILE, VALIDATORS_FILE

JUDGING_FILES = (DEFINITION_FILE, VALIDATORS_FILE)

Name = Annotated[str, typer.Argument(help="Name of the task type.")]

app = typer.Typer(no_args_is_help=True, help="See, make, check and enable task types.")
output = Console()


@app.command("list")
def list_task_types(as_json: AsJson = False) -> None:
    """List the task types that have a directory, and which version of their prompt serves.

    Example: selfheal tasks list
    """
    settings = Settings()
    with _friendly_errors():
        task_types = TaskTypes(settings.task_types_dir)
        rows = [_describe_row(task_types, name) for name in task_types.names()]
    serving: dict[str, int] | None = None
    try:
        serving = ask_database(settings, load_serving_versions)
    except EmbeddedRuntimeError as error:
        trouble = f"{error.message} {error.remedy}"
    for row in rows:
        row["version"] = serving.get(row["name"]) if serving is not None else None
        row["enabled"] = row["name"] in serving if serving is not None else None
    if as_json:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False, expand=True)
    for title, width in (("name", 24), ("origin", 8), ("serves", 8)):
        table.add_column(title, width=width, no_wrap=True, overflow="ellipsis")
    table.add_column("description", ratio=1, overflow="ellipsis", no_wrap=True)
    for row in rows:
        serves = {True: f"v{row['version']}", False: "no", None: "unknown"}[row["enabled"]]
        problem = row["problem"]
        told = Text(problem, style="red") if problem else Text(row["description"])
        table.add_row(row["name"], "built in" if row["built_in"] else "own", serves, told)
    output.print(table)
    if serving is None:
        messages.print(f"What serves isn't known: {trouble}", markup=False)


@app.command("show")
def show_task_type(name: Name, as_json: AsJson = False) -> None:
    """Show what a task type is judged by: rules and weights, rubric, golden inputs, prompt.

    Example: selfheal tasks show json_extraction
    """
    with _friendly_errors():
        task_type = _find(name)
    if as_json:
        print_json(_describe(task_type))
        return
    output.print(Text(f"{task_type.name}: {task_type.description}", style="bold"))
    output.print(Text(f"{task_type.directory} (answers: {task_type.answers})", style="dim"))
    table = Table("", "weight", "name", "defined in", "when it fails", box=None, pad_edge=False)
    for rule, weight in task_type.rule_weights.items():
        origin = "validators.py" if rule in task_type.rules else "the Evaluator"
        table.add_row("rule", f"{weight.weight:g}", rule, origin, "caps" if weight.caps else "")
    for criterion, grade_weight in task_type.rubric_weights.items():
        origin = "validators.py" if criterion in task_type.criteria else "the Evaluator"
        table.add_row("rubric", f"{grade_weight:g}", criterion, origin, "")
    output.print(table)
    output.print(_count_golden_inputs(task_type), soft_wrap=True)
    output.print("judge prompt: " + ("its own" if task_type.judge_prompt else "the Evaluator's"))
    output.print("prompt:")
    output.print(Text(task_type.prompt), soft_wrap=True)


@app.command("new")
def make_task_type(name: Name) -> None:
    """Write a complete directory for a task type of your own, with comments that guide you.

    It is made in the directory that TASK_TYPES_DIR names, by default ./task_types.

    Example: selfheal tasks new support_replies
    """
    with _friendly_errors():
        written = write_scaffold(Settings().task_types_dir, name)
    for path in written:
        typer.echo(str(path))
    messages.print(f"Fill them in, then: selfheal tasks check {name}")


@app.command("check")
def check_task_type(name: Name, as_json: AsJson = False) -> None:
    """Check a task type's directory, and run its rules on a sample; exits with 1 on problems.

    Example: selfheal tasks check support_replies
    """
    with _friendly_errors():
        sample: SampleRun | None = None
        try:
            task_type = _find(name)
            problems = find_problems(task_type)
            # Rules that can't be found or that raise would end the run.
            if not any(problem.file.name in JUDGING_FILES for problem in problems):
                sample = run_sample(task_type, own_task_types=Settings().task_types_dir)
        except TaskTypeError as error:
            problems = [Problem(error.path, f"{error.problem}. {error.remedy}")]
    if as_json:
        content = {
            "name": name,
            "attempts": asdict(count_attempts(task_type.golden_inputs)) if sample else None,
            "problems": [{"file": str(p.file), "message": p.message} for p in problems],
            "sample": sample.as_json() if sample else None,
        }
        print_json(content)
    else:
        if sample:
            output.print(_count_golden_inputs(task_type), soft_wrap=True)
            output.print(_count_attempts(task_type), soft_wrap=True)
            _print_sample(sample)
        for problem in problems:
            output.print(Text(f"{problem.file}: {problem.message}", style="red"), soft_wrap=True)
        if not problems:
            messages.print(f"Nothing is wrong. Serve it with: selfheal tasks enable {name}")
    if problems:
        raise typer.Exit(FAILURE_EXIT_CODE)


@app.command("enable")
def enable_task_type(name: Name) -> None:
    """Serve a task type: its prompt becomes the active one, unless one is active already.

    Example: selfheal tasks enable json_extraction
    """
    with _friendly_errors():
        settings = Settings()
        task_types = TaskTypes(settings.task_types_dir)
        task_type = _find(name, task_types)
        problems = find_problems(task_type)
        version, is_new = ask_database(
            settings, lambda connection: serve_task_type(connection, name, task_type.prompt)
        )
    if not is_new:
        messages.print(f"{name} is served already, by version {version} of its prompt.")
        return
    messages.print(f"Version {version} serves {name} now: {task_type.prompt.splitlines()[0]}")
    if problems:
        messages.print(f"Problems found: {len(problems)}; see: selfheal tasks check {name}")
    if not task_types.is_built_in(name):
        messages.print(
            "A service that started before the directory was written doesn't know its rules: "
            "selfheal down && selfheal up, with the options that it was started with"
        )


@contextmanager
def _friendly_errors() -> Iterator[None]:
    """Explain errors as all commands do, and directories that can't be used too."""
    with friendly_errors():
        try:
            yield
        except TaskTypeError as error:
            raise EmbeddedRuntimeError(
                f"{error.path}: {error.problem}.", remedy=error.remedy
            ) from error


def _find(name: str, task_types: TaskTypes | None = None) -> TaskType:
    task_types = task_types or TaskTypes(Settings().task_types_dir)
    task_type = task_types.find(name)
    if task_type is None:
        raise EmbeddedRuntimeError(
            f"No task type {name!r} has a directory; there are {', '.join(task_types.names())}.",
            remedy=f"Make one with: selfheal tasks new {name}",
        )
    return task_type


def _describe_row(task_types: TaskTypes, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": name,
        "built_in": task_types.is_built_in(name),
        "directory": str(task_types.directories[name]),
        "description": "",
        "problem": "",
    }
    try:
        task_type = task_types.find(name)
    except TaskTypeError as error:
        return row | {"problem": error.message}
    return row | {"description": task_type.description if task_type else ""}


def _describe(task_type: TaskType) -> dict[str, Any]:
    golden = task_type.golden_inputs
    return {
        "name": task_type.name,
        "description": task_type.description,
        "answers": task_type.answers,
        "directory": str(task_type.directory),
        "rules": {name: weight._asdict() for name, weight in task_type.rule_weights.items()},
        "rubric": dict(task_type.rubric_weights),
        "golden_inputs": {"choosing": len(golden.choosing), "verdict": len(golden.verdict)},
        "expected_answers": len(golden.expected),
        "inputs_with_checks": len(golden.checks),
        "prompt": task_type.prompt,
        "judge_prompt": task_type.judge_prompt,
        "digest": task_type.digest,
    }


def _count_golden_inputs(task_type: TaskType) -> str:
    golden = task_type.golden_inputs
    return (
        f"golden inputs: {len(golden.choosing)} choosing, {len(golden.verdict)} verdict, "
        f"{len(golden.expected)} with an expected answer, {len(golden.checks)} with checks"
    )


def _count_attempts(task_type: TaskType) -> str:
    attempts = count_attempts(task_type.golden_inputs)
    if not attempts.most:
        return "attempts: none by golden inputs alone; a proof needs live inputs too"
    least, most = attempts.least, attempts.most
    heals = "1 heal" if most == 1 else f"{least} to {most} heals"
    return (
        f"attempts: the verdict half is good for {heals} of one text, until a prompt is "
        "deployed by hand; live inputs add to them"
    )


def _print_sample(sample: SampleRun) -> None:
    """Print what each rule says of one answer."""
    output.print(Text(f"A sample run, on the answer {sample.answer[:60]!r}:", style="dim"))
    table = Table(box=None, pad_edge=False)
    for name, outcome, reason in sample.rows:
        table.add_row(name, outcome, Text(reason))
    output.print(table)
