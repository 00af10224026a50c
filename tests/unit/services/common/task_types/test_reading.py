"""Reading a task type's directory: what is taken, and what is refused with which words."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.common.chat.messages import ChatInput
from services.common.task_types import TaskTypeError
from services.common.task_types.reading import read_task_type

MakeTaskType = Callable[..., Path]
ONE_RULE = 'description = "d"\nanswers = "text"\n[rules]\n{rules}\n[rubric]\n{rubric}\n'


@dataclass
class Answered:
    user_input: str
    answer: str
    task_type: str = "greetings"


def definition(rules: str = "a = 1", rubric: str = "b = 1") -> str:
    return ONE_RULE.format(rules=rules, rubric=rubric)


def golden(choosing: list[object], verdict: list[object]) -> str:
    return json.dumps({"choosing": choosing, "verdict": verdict})


SAID = {"role": "user", "content": "hat"}


def entry(identifier: str, text: str) -> dict[str, object]:
    return {"id": identifier, "input": text}


def test_a_complete_directory_is_read_whole(make_task_type: MakeTaskType) -> None:
    directory = make_task_type(judge__txt=" Judge it. ")
    task_type = read_task_type(directory)
    assert (task_type.name, task_type.description) == ("greetings", "Greetings in rhyme")
    assert (task_type.answers, task_type.prompt) == ("text", "Greet in rhyme.")
    assert task_type.judge_prompt == "Judge it."
    assert dict(task_type.rule_weights) == {"gives_an_answer": (0.4, True), "rhymes": (0.6, False)}
    assert dict(task_type.rubric_weights) == {"responds": 0.5, "is_short": 0.5}
    assert task_type.golden_inputs.choosing == ("hat",)
    assert task_type.golden_inputs.verdict == ("dog",)
    assert task_type.golden_inputs.expected == {"hat": "cat"}
    assert task_type.golden_inputs.ids == {"hat": "a-1", "dog": "a-2"}
    assert task_type.golden_inputs.conversations == {}
    assert task_type.repairs.role == "You greet."
    assert task_type.directory == directory


def test_only_the_named_functions_of_its_own_are_rules_and_criteria(
    make_task_type: MakeTaskType,
) -> None:
    task_type = read_task_type(make_task_type())
    assert list(task_type.rules) == ["rhymes"]
    assert list(task_type.criteria) == ["is_short"]
    assert task_type.rules["rhymes"](Answered("hat", "cat")).outcome == "passed"
    assert task_type.rules["rhymes"](Answered("hat", "dog")).outcome == "failed"
    assert task_type.criteria["is_short"](Answered("hat", "a\nb")).value == 0


def test_validators_and_judge_prompt_may_be_left_out(make_task_type: MakeTaskType) -> None:
    task_type = read_task_type(make_task_type(validators__py=None))
    assert task_type.rules == task_type.criteria == {}
    assert task_type.judge_prompt is None


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"prompt__txt": None}, ["prompt.txt", "no such file", "tasks new"]),
        ({"prompt__txt": " \n"}, ["prompt.txt", "no text"]),
        ({"prompt__txt": "a\0b"}, ["prompt.txt", "no text"]),
        ({"prompt__txt": "a" * 17_000}, ["prompt.txt", "over 16384 bytes"]),
        ({"prompt__txt": b"\xff\xfe"}, ["prompt.txt", "no UTF-8"]),
        ({"judge__txt": ""}, ["judge.txt", "no text"]),
        ({"task_type__toml": "rules = ["}, ["task_type.toml", "no valid TOML"]),
        ({"task_type__toml": definition("a = 0.9")}, ["[rules]", "add up to 0.9"]),
        ({"task_type__toml": definition("a = 0.5\nc = 0.6")}, ["[rules]", "add up to 1.1"]),
        ({"task_type__toml": definition(rubric="b = 0.5")}, ["[rubric]", "add up to 0.5"]),
        ({"task_type__toml": definition("a = true")}, ["rules.a"]),
        ({"task_type__toml": definition("a = nan")}, ["rules.a.weight"]),
        ({"task_type__toml": definition("a = -1\nc = 2")}, ["rules.a.weight"]),
        ({"task_type__toml": definition("a = { weight = 1, cap = true }")}, ["rules.a.cap"]),
        ({"task_type__toml": definition("a = { weight = 1, caps = 1 }")}, ["rules.a.caps"]),
        ({"task_type__toml": definition("")}, ["rules"]),
        ({"task_type__toml": definition() + "b2 = 'x'"}, ["rubric.b2"]),
        ({"task_type__toml": definition().replace("text", "poem")}, ["answers"]),
        ({"golden_inputs__json": "{"}, ["golden_inputs.json", "no valid JSON"]),
        ({"golden_inputs__json": "[" * 100_000}, ["golden_inputs.json", "no valid JSON"]),
        ({"golden_inputs__json": "{}"}, ["choosing"]),
        ({"golden_inputs__json": golden([entry("1", " ")], [])}, ["choosing.0.input"]),
        (
            {
                "golden_inputs__json": golden(
                    [{"id": "1", "input": "a"}], [{"id": "2", "input": "a"}]
                )
            },
            ["the input 'a' is there twice", "halves"],
        ),
        (
            {
                "golden_inputs__json": golden(
                    [{"id": "1", "input": "a"}], [{"id": "1", "input": "b"}]
                )
            },
            ["the id '1' is there twice"],
        ),
        (
            {"golden_inputs__json": golden([entry("1", "a") | {"checks": ["f(1)"]}], [])},
            ["choosing.0.checks", "check 1 is neither `call == literal` nor", "task-types.md"],
        ),
        ({"golden_inputs__json": golden([entry("1" * 201, "a")], [])}, ["choosing.0.id"]),
        (
            {"golden_inputs__json": golden([entry("1", "a") | {"messages": [SAID]}], [])},
            ["choosing.0", "`input` or `messages`, not both"],
        ),
        (
            {"golden_inputs__json": golden([{"id": "1", "messages": []}], [])},
            ["the last message must be the user's or a tool's"],
        ),
        (
            {"golden_inputs__json": golden([{"id": "1", "messages": [SAID, {}]}], [])},
            ["the last message must be the user's or a tool's"],
        ),
        (
            {"golden_inputs__json": golden([{"id": "1", "messages": "hi"}], [])},
            ["`messages` must be a list of objects"],
        ),
        (
            {
                "golden_inputs__json": golden(
                    [{"id": "1", "messages": [SAID | {"content": []}]}], []
                )
            },
            ["choosing.0.input"],
        ),
        (
            {"golden_inputs__json": golden([{"id": "1", "messages": [SAID]}], [entry("2", "hat")])},
            ["the input 'hat' is there twice"],
        ),
        (
            {"golden_inputs__json": golden([entry("1", "a") | {"variables": {"today": "x"}}], [])},
            ["'1' doesn't give a value to each variable", "declare them in task_type.toml"],
        ),
        (
            {"task_type__toml": 'variables = ["today"]\n' + definition()},
            ["'a-1' doesn't give a value to each variable", "a text for each of: today"],
        ),
        ({"repairs__toml": 'role = "r"'}, ["repairs.toml", "rules"]),
        ({"validators__py": "1 / 0"}, ["validators.py", "ZeroDivisionError"]),
        ({"validators__py": "def ("}, ["validators.py", "SyntaxError"]),
        ({"validators__py": "import there_is_none"}, ["validators.py", "ModuleNotFoundError"]),
    ],
)
def test_what_cannot_be_used_is_named_with_its_file(
    make_task_type: MakeTaskType, files: dict[str, str | bytes | None], words: list[str]
) -> None:
    with pytest.raises(TaskTypeError) as caught:
        read_task_type(make_task_type(**files))
    for word in words:
        assert word in caught.value.message


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("task_type.toml", True),
        ("validators.py", True),
        ("golden_inputs.json", True),
        ("judge.txt", True),
        ("words.txt", True),
        ("prompt.txt", False),
        ("repairs.toml", False),
        ("retention.toml", False),
        (".notes", False),
    ],
)
def test_the_digest_changes_with_what_can_change_a_score(
    make_task_type: MakeTaskType, file: str, changes: bool
) -> None:
    directory = make_task_type(judge__txt="Judge.", words__txt="cat")
    (directory / ".notes").write_text("a")
    before = read_task_type(directory).digest
    with (directory / file).open("a") as opened:
        opened.write("\n")
    assert (read_task_type(directory).digest != before) is changes


def test_the_digest_is_the_same_wherever_the_directory_lies(
    make_task_type: MakeTaskType, tmp_path: Path
) -> None:
    directory = make_task_type()
    before = read_task_type(directory).digest
    moved = directory.rename(tmp_path / "greetings")
    assert read_task_type(moved).digest == before


def test_a_byte_order_mark_is_no_part_of_a_file(make_task_type: MakeTaskType) -> None:
    plain = make_task_type(judge__txt="Judge it.")
    read = read_task_type(plain)
    for file in filter(Path.is_file, plain.iterdir()):
        file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    marked = read_task_type(plain)
    assert (marked.prompt, marked.judge_prompt) == ("Greet in rhyme.", "Judge it.")
    assert marked.golden_inputs == read.golden_inputs
    assert list(marked.rules) == list(read.rules)


def test_a_golden_input_may_be_a_conversation(make_task_type: MakeTaskType) -> None:
    """It goes by the last message of its user; a text with more beside it is one too."""
    messages = [SAID | {"content": "Hi"}, SAID | {"role": "assistant"}, SAID]
    messages += [{"role": "tool", "tool_call_id": "1", "content": "dog"}]
    tools = [{"type": "function", "function": {"name": "look"}}]
    halves = golden(
        [{"id": "1", "messages": messages, "tools": tools, "variables": {"today": "Monday"}}],
        [entry("2", "bat") | {"parameters": {"temperature": 0}, "variables": {"today": "Friday"}}],
    )
    directory = make_task_type(
        golden_inputs__json=halves, task_type__toml='variables = ["today"]\n' + definition()
    )
    found = read_task_type(directory).golden_inputs
    assert (found.choosing, found.verdict, found.ids) == (
        ("hat",),
        ("bat",),
        {"hat": "1", "bat": "2"},
    )
    assert found.conversations == {
        "hat": ChatInput(messages, tools, {}, {"today": "Monday"}),
        "bat": ChatInput([SAID | {"content": "bat"}], [], {"temperature": 0}, {"today": "Friday"}),
    }
