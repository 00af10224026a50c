"""Reading answers: short ones here, long ones in a process that can be ended."""

import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from services.common.errors import UnscoredError
from services.common.schemas import Conversation
from services.evaluator.app.services import bounded_reading as reader_module
from services.evaluator.app.services.bounded_reading import MAX_IN_PROCESS_CHARACTERS, Reader
from services.evaluator.app.services.static_reading import Reading

REQUEST = "Write a function that adds two numbers"
SHORT = "def add(a, b):\n    return a + b\n"
LONG = SHORT + "# " + "x" * MAX_IN_PROCESS_CHARACTERS


async def read(answer: str, reader: Reader | None = None) -> Reading:
    reader = reader or Reader()
    return await reader.read(task_type="code_generation", user_input=REQUEST, answer=answer)


@pytest.mark.parametrize("answer", [SHORT, LONG], ids=["short", "long"])
async def test_short_and_long_answers_are_read_alike(answer: str) -> None:
    reading = await read(answer)
    assert reading.source == answer
    assert reading.findings["parses_as_python"].outcome == "passed"
    assert reading.grades["responds"].value == 1


def report_process(**_: object) -> SimpleNamespace:
    return SimpleNamespace(process=os.getpid())


@pytest.mark.parametrize(
    ("answer", "is_here"), [(SHORT, True), (LONG, False)], ids=["short", "long"]
)
async def test_a_long_answer_is_read_elsewhere(
    answer: str, is_here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "read_answer", report_process)
    reading = await read(answer)
    assert (reading.process == os.getpid()) is is_here  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_long", [False, True])
async def test_a_long_conversation_is_read_elsewhere(
    *, is_long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "read_answer", report_process)
    reading = await Reader().read(
        task_type="tool_use",
        user_input="x",
        answer="y",
        conversation=Conversation(messages=[{"content": "x" * 9_000 * is_long}], answer={}),
    )
    assert (reading.process == os.getpid()) is not is_long  # type: ignore[attr-defined]


def read_forever(**_: object) -> None:
    while True:
        time.sleep(0.01)


def crash(**_: object) -> None:
    os._exit(11)


@pytest.mark.parametrize("misbehave", [read_forever, crash])
async def test_what_cannot_be_read_is_unscored_and_the_next_answer_is_read(
    misbehave: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Reader(max_seconds=3)
    with monkeypatch.context() as patched:
        patched.setattr(reader_module, "read_answer", misbehave)
        with pytest.raises(UnscoredError, match="could not be read"):
            await read(LONG, reader)
    assert (await read(LONG, reader)).source == LONG


def slip(**_: object) -> None:
    raise KeyError("a secret")


@pytest.mark.parametrize("answer", [SHORT, LONG], ids=["short", "long"])
async def test_what_reading_raises_is_unscored_and_logged_by_its_type(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "read_answer", slip)
    with capture_logs() as logs, pytest.raises(UnscoredError, match="raised KeyError"):
        await read(answer)
    assert (logs[0]["event"], logs[0]["error"]) == ("answer_unreadable", "KeyError")
    assert "secret" not in str(logs)


async def test_a_task_type_without_a_directory_is_read_by_the_general_rules(
    tmp_path: Path,
) -> None:
    reading = await Reader(tmp_path).read(
        task_type="letters", user_input="Write a letter", answer="Dear customer"
    )
    assert set(reading.findings) == {"gives_an_answer", "has_no_placeholder"}
    assert reading.source == ""


FILES = {
    "task_type.toml": 'description = "Sums"\nanswers = "text"\n'
    "[rules]\ndivides = 1.0\n[rubric]\nresponds = 1.0\n",
    "prompt.txt": "Divide.",
    "golden_inputs.json": '{"choosing": [], "verdict": []}',
    "repairs.toml": 'role = "You divide."\n[rules]\ndivides = "Divide."\n',
    "validators.py": "def divides(task):\n    return 1 / 0\n",
}


async def test_a_rule_that_breaks_leaves_the_answer_without_a_score(tmp_path: Path) -> None:
    directory = tmp_path / "sums"
    directory.mkdir()
    for name, content in FILES.items():
        (directory / name).write_text(content)
    with (
        capture_logs() as logs,
        pytest.raises(UnscoredError, match=r"'divides' .* ZeroDivisionError"),
    ):
        await Reader(tmp_path).read(task_type="sums", user_input="Divide", answer="1")
    # Without the message: a rule may put the right answer into it.
    del logs[0]["log_level"]
    assert logs == [
        {
            "event": "rule_broken",
            "task_type": "sums",
            "rule": "divides",
            "error": "ZeroDivisionError",
            "place": "validators.py:2",
        }
    ]
