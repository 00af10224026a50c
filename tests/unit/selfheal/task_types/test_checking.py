"""What `selfheal tasks check` finds, and that the scaffold lacks nothing but golden inputs."""

import json
from pathlib import Path

import pytest

from selfheal.task_types.checking import Attempts, count_attempts, find_problems
from selfheal.task_types.sample_run import run_sample
from selfheal.task_types.scaffold import FILES, write_scaffold
from services.common.task_types import GoldenInputs, TaskTypeError, open_task_types
from services.common.task_types.reading import read_task_type

GOLDEN_INPUTS = {
    half: [{"id": f"{half}-{number}", "input": f"{half} {number}"} for number in range(24)]
    for half in ("choosing", "verdict")
}
HEAD = "from services.common.task_types.rules import *\n"
BUILT_IN = open_task_types(None).all()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A scaffold whose golden inputs are filled in."""
    write_scaffold(tmp_path, "replies")
    (tmp_path / "replies" / "golden_inputs.json").write_text(json.dumps(GOLDEN_INPUTS))
    return tmp_path / "replies"


def messages_of(directory: Path) -> list[str]:
    return [f"{p.file.name}: {p.message}" for p in find_problems(read_task_type(directory))]


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_scaffold_lacks_nothing_but_golden_inputs(tmp_path: Path) -> None:
    written = write_scaffold(tmp_path / "not there yet", "replies")
    assert [path.name for path in written] == list(FILES)
    problems = find_problems(read_task_type(written[0].parent))
    assert {problem.file.name for problem in problems} == {"golden_inputs.json"}
    assert len(problems) == 5


def test_checks_that_would_not_count_are_found(directory: Path) -> None:
    golden = json.loads((directory / "golden_inputs.json").read_text())
    golden["choosing"][0]["checks"] = ["f(1) == 2"]
    (directory / "golden_inputs.json").write_text(json.dumps(golden))
    [message] = messages_of(directory)
    assert "checks of golden inputs count only with" in message
    assert "passes_the_checks" in message


def test_with_golden_inputs_nothing_is_wrong(directory: Path) -> None:
    assert messages_of(directory) == []


@pytest.mark.parametrize("task_type", BUILT_IN, ids=lambda task_type: task_type.name)
def test_nothing_is_wrong_with_what_comes_along(task_type) -> None:
    assert find_problems(task_type) == []


@pytest.mark.parametrize("name", ["code_generation", "Replies", "../replies", "", "a b", "1st"])
def test_a_scaffold_needs_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    with pytest.raises(TaskTypeError):
        write_scaffold(tmp_path / "own", name)
    assert not (tmp_path / "own").exists()


def test_a_scaffold_overwrites_nothing(directory: Path) -> None:
    with pytest.raises(TaskTypeError, match="there already"):
        write_scaffold(directory.parent, "replies")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("return None", "is_short gave None"),
        ("return True", "is_short gave True"),
        ("return task.answer[0]", "is_short raised IndexError on the answer ''"),
        ("return Finding('maybe', '')", "is_short gave Finding"),
        ("return passed(task.answer.encode())", "UnicodeEncodeError"),
    ],
)
def test_a_rule_that_goes_wrong_is_found(directory: Path, rule: str, words: str) -> None:
    criterion = "\ndef gets_to_the_point(task):\n    return Grade(1, '')\n"
    (directory / "validators.py").write_text(f"{HEAD}def is_short(task):\n    {rule}\n{criterion}")
    [message] = messages_of(directory)
    assert message.startswith("validators.py: ")
    assert words in message


@pytest.mark.parametrize("grade", ["Grade(2, '')", "Grade(float('nan'), '')", "1.0"])
def test_a_criterion_that_gives_no_grade_is_found(directory: Path, grade: str) -> None:
    rule = "\ndef is_short(task):\n    return passed('')\n"
    (directory / "validators.py").write_text(
        f"{HEAD}def gets_to_the_point(task):\n    return {grade}\n{rule}"
    )
    [message] = messages_of(directory)
    assert "gets_to_the_point gave" in message


def test_names_that_nobody_defines_are_found(directory: Path) -> None:
    replace(directory / "task_type.toml", "is_short", "is_shrt")
    replace(directory / "task_type.toml", "stays_on_topic = 0.4", "keeps_on_topic = 0.4")
    replace(directory / "repairs.toml", "is_short", "is_shrt")
    found = "\n".join(messages_of(directory))
    assert "'is_shrt', which isn't defined" in found
    assert "'keeps_on_topic', which isn't defined" in found


def test_rules_and_sentences_must_match(directory: Path) -> None:
    replace(directory / "repairs.toml", "is_short", "is_long")
    found = messages_of(directory)
    assert "repairs.toml: there is no sentence for the rule 'is_short'" in found
    assert "repairs.toml: there is a sentence for 'is_long', which is no rule" in found


def test_an_expected_answer_that_fails_a_rule_is_found(directory: Path) -> None:
    halves = json.loads(json.dumps(GOLDEN_INPUTS))
    halves["verdict"][3]["expected"] = "One. Two. Three. Four."
    (directory / "golden_inputs.json").write_text(json.dumps(halves))
    [message] = messages_of(directory)
    assert "is_short fails the expected answer to 'verdict 3': it has 4 sentences" in message


def test_a_sample_run_shows_every_rule_and_criterion(directory: Path) -> None:
    task_type = read_task_type(directory)
    sample = run_sample(task_type, own_task_types=directory.parent)
    names = [name for name, _, _ in sample.rows]
    assert names == [*task_type.rule_weights, *task_type.rubric_weights]
    assert json.dumps(sample.as_json())


def test_the_documented_example_lacks_nothing_but_golden_inputs(tmp_path: Path) -> None:
    page = (Path(__file__).parents[4] / "docs" / "task-types.md").read_text(encoding="utf-8")
    directory = tmp_path / "support_replies"
    directory.mkdir()
    (directory / "prompt.txt").write_text("You answer customers' questions.")
    for section in page.split("\n### ")[1:]:
        file, _, text = section.partition("\n")
        (directory / file).write_text(text.split("```")[1].partition("\n")[2])
    problems = find_problems(read_task_type(directory))
    assert {problem.file.name for problem in problems} == {"golden_inputs.json"}
    assert len(problems) == 2


@pytest.mark.parametrize(
    ("inputs", "least", "most"),
    [(0, 0, 0), (4, 0, 0), (5, 1, 1), (24, 1, 4), (42, 1, 8), (48, 2, 9)],
)
def test_attempts_are_counted_by_the_inputs_that_they_take(
    inputs: int, least: int, most: int
) -> None:
    golden = GoldenInputs(verdict=tuple(str(number) for number in range(inputs)))
    assert count_attempts(golden) == Attempts(least, most)
