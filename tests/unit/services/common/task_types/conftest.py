"""A complete directory of a task type that a test may spoil."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

DEFINITION = """
description = "Greetings in rhyme"
answers = "text"

[rules]
gives_an_answer = { weight = 0.4, caps = true }
rhymes = 0.6

[rubric]
responds = 0.5
is_short = 0.5
"""
VALIDATORS = '''
from services.common.task_types.rules import AnsweredTask, Finding, Grade, failed, passed


def rhymes(task: AnsweredTask) -> Finding:
    """It ends as the request ends."""
    same = task.answer[-2:] == task.user_input[-2:]
    return passed("it rhymes") if same else failed("it doesn't rhyme")


def is_short(task: AnsweredTask) -> Grade:
    """Is it one line?"""
    return Grade(1 - ("\\n" in task.answer), "counted")


def _private() -> None: ...
'''
GOLDEN_INPUTS = {
    "choosing": [{"id": "a-1", "input": "hat", "expected": "cat"}],
    "verdict": [{"id": "a-2", "input": "dog"}],
}

MakeTaskType = Callable[..., Path]


@pytest.fixture
def make_task_type(tmp_path: Path) -> MakeTaskType:
    """Writes a directory; a file given as None is left out."""

    def make(name: str = "greetings", **files: str | bytes | None) -> Path:
        directory = tmp_path / "own" / name
        directory.mkdir(parents=True)
        contents: dict[str, str | bytes | None] = {
            "task_type.toml": DEFINITION,
            "prompt.txt": "Greet in rhyme.\n",
            "validators.py": VALIDATORS,
            "golden_inputs.json": json.dumps(GOLDEN_INPUTS),
            "repairs.toml": 'role = "You greet."\n[rules]\nrhymes = "Always rhyme."\n',
        }
        contents |= {key.replace("__", "."): value for key, value in files.items()}
        for file, content in contents.items():
            if isinstance(content, str):
                (directory / file).write_text(content, encoding="utf-8")
            elif content is not None:
                (directory / file).write_bytes(content)
        return directory

    return make
