"""Have the local model answer the simple tasks, for answers as they really come.

Every task is asked in several ways: form of the request, system prompt, temperature, seed. The
answers are appended to a file, and what is in it already isn't asked again; `make_labelled_set`
finds out which of them are right.

examples:
  python -m benchmarks.evaluator.make_model_outputs
  python -m benchmarks.evaluator.make_model_outputs --file answers.jsonl --task sort_list
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from langchain_core.messages import HumanMessage, SystemMessage
from rich.console import Console
from rich.progress import track

from benchmarks.evaluator.simple_tasks import SimpleTask, read_simple_tasks
from benchmarks.measured_system import (
    MeasurementError,
    benchmark_environment,
    spawn,
    stop,
    wait_until_ready,
)
from benchmarks.own_ports import take_port
from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.runtime.local_model import MODEL_NAME, require_wheels
from selfheal.runtime.ports import LOOPBACK
from services.common.config import Settings
from services.common.llm.factory import create_model_from_spec
from services.common.settings.model import LOCAL_PROVIDER

ANSWERS_FILE: Final = Path(__file__).parent / "data" / "model_answers.jsonl"
TIMEOUT_SECONDS: Final = 300
PROMPTS: Final = {
    # The start of the prompt that a new installation serves.
    "served": (
        "You are a Python code generator. Write complete, working Python code that does exactly "
        "what the user asks.\nAnswer with one Python code block and nothing else.\n"
        "Define a function (or a class, where the user asks for one) under a clear name.\n"
        "Give every parameter and the return value a type hint, and write a docstring that says "
        "what it does.\nHandle empty and unusual input sensibly, and return the result instead "
        "of printing it.\nUse only the standard library, and leave no placeholder or TODO."
    ),
    "short": "You are a Python code generator. Answer with Python code only.",
    "none": "You are a helpful assistant.",
}

messages = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Way:
    """One way of asking: what decides an answer, beside the task."""

    form: str
    prompt: str
    temperature: float
    seed: int


WAYS: Final = (
    Way("none", "served", 0.0, 1),
    Way("examples", "short", 0.0, 1),
    Way("one", "short", 0.4, 2),
    Way("none", "short", 0.4, 3),
    Way("none", "none", 0.4, 4),
    Way("one", "served", 0.7, 5),
    Way("none", "short", 0.7, 6),
    Way("examples", "none", 1.0, 7),
)


@contextmanager
def running_model() -> Iterator[str]:
    """Serve the local model as `selfheal up` does, and give the address of its API.

    Raises:
        MeasurementError: If it doesn't start.
    """
    port = take_port()
    with tempfile.TemporaryDirectory(prefix="selfheal-model-") as directory:
        log = Path(directory) / "local-model.log"
        command = (sys.executable, "-m", "selfheal.runtime.local_model", "--port", str(port))
        process = spawn(command, benchmark_environment(), log)
        try:
            wait_until_ready(process, f"http://{LOOPBACK}:{port}/health", log)
            yield f"http://{LOOPBACK}:{port}/v1"
        finally:
            stop(process)


async def answer(task: SimpleTask, way: Way, base_url: str) -> str:
    """Ask for an answer, through the client and the settings that the Worker uses.

    Raises:
        ModelError: If there is none.
    """
    settings = Settings(
        _env_file=None,
        llm_provider=LOCAL_PROVIDER,
        llm_base_url=base_url,
        llm_temperature=way.temperature,
        llm_seed=way.seed,
        llm_timeout_seconds=TIMEOUT_SECONDS,
    )
    model = create_model_from_spec(settings, f"{LOCAL_PROVIDER}:{MODEL_NAME}")
    try:
        prompt = SystemMessage(PROMPTS[way.prompt])
        reply = await model.ainvoke([prompt, HumanMessage(task.ask(way.form).text)])
    finally:
        await model.aclose()
    return str(reply.content)


def answer_id(task: SimpleTask, number: int) -> str:
    """Name of the answer to a task that was asked in the way of this number."""
    return f"{task.task_id}/answer-{number}"


async def make_answers(file: Path, tasks: list[SimpleTask], base_url: str) -> int:
    """Ask for all answers that the file lacks, and say how many they were."""
    known = {row["id"] for row in read_answers(file)}
    missing = [
        (task, number, way)
        for number, way in enumerate(WAYS)
        for task in tasks
        if answer_id(task, number) not in known
    ]
    for task, number, way in track(missing, "asking the local model", console=messages):
        row = {
            "id": answer_id(task, number),
            "task": task.task_id,
            "model": MODEL_NAME,
            "form": way.form,
            "prompt": way.prompt,
            "temperature": way.temperature,
            "seed": way.seed,
            "answer": await answer(task, way, base_url),
        }
        with file.open("a", encoding="utf-8") as rows:
            rows.write(json.dumps(row, ensure_ascii=False) + "\n")
    return len(missing)


def read_answers(file: Path) -> list[dict[str, Any]]:
    """Read the answers in a file and how each was asked for; none where there is no file."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def main() -> int:
    """Make the answers from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.evaluator.make_model_outputs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--file", type=Path, default=ANSWERS_FILE, help="where answers are kept")
    parser.add_argument("--task", help="ask for this task only, by its name")
    options = parser.parse_args()
    tasks = [task for task in read_simple_tasks() if options.task in (None, task.name)]
    if not tasks:
        parser.error(f"there is no task {options.task!r}")
    try:
        require_wheels()
        with running_model() as base_url:
            count = asyncio.run(make_answers(options.file, tasks, base_url))
    except EmbeddedRuntimeError as error:
        messages.print(f"error: {error.message} {error.remedy}", markup=False)
        return 1
    except MeasurementError as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    messages.print(f"{count} answers made; {options.file} holds them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
