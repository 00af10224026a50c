from dataclasses import replace
from pathlib import Path

import pytest
from support.rows import for_each

from benchmarks.evaluator.working_tasks.tasks import (
    FEWEST_ASSERTS,
    FEWEST_RUNS,
    ExpectedRun,
    WorkingTask,
    WorkingTaskError,
    find_problems,
    read_working_tasks,
    shows_assert,
    shows_run,
)

TASKS = read_working_tasks()
every_task = for_each(TASKS, name=lambda task: task.name)

FUNCTION = WorkingTask(
    name="square",
    domain="numbers",
    kind="function",
    entry="square",
    request="I need square(n).",
    example="square(3) == 9",
    solutions=(
        "def square(n):\n    return n * n\n",
        "def square(n: int) -> int:\n    return n**2\n",
    ),
    asserts=tuple(f"square({n}) == {n * n}" for n in (0, 1, 2, -2, 5, 10)),
    runs=(),
)
PROGRAM = WorkingTask(
    name="sum_script",
    domain="numbers",
    kind="program",
    entry="",
    request="A script that adds the numbers on stdin.",
    example="Input:\n3 4\nOutput:\n7",
    solutions=("print(sum(map(int, input().split())))\n", "import sys\nprint(7)\n"),
    asserts=(),
    runs=tuple(ExpectedRun(f"{n} 1\n", (), f"{n + 1}\n") for n in range(5)),
)


def test_there_are_enough_tasks_of_each_kind_in_several_domains() -> None:
    assert len(TASKS) >= 80
    assert len({task.domain for task in TASKS}) >= 7
    assert {task.kind for task in TASKS} == {"function", "class", "program"}
    assert len({task.name for task in TASKS}) == len(TASKS)


@every_task
def test_every_entry_is_complete(task: WorkingTask) -> None:
    assert list(find_problems(task)) == []
    hidden, fewest = (
        (task.runs, FEWEST_RUNS) if task.kind == "program" else (task.asserts, FEWEST_ASSERTS)
    )
    assert len(hidden) >= fewest


@every_task
def test_asserts_are_expressions_that_name_what_is_asked_for(task: WorkingTask) -> None:
    for text in task.asserts:
        compile(text, task.name, "eval")
        assert task.entry in text + task.setup
    assert task.entry in task.request


@every_task
def test_the_forms_show_an_example_or_none(task: WorkingTask) -> None:
    assert task.ask("none") == task.request
    shown = task.ask("one")
    assert shown.startswith(task.request)
    assert shown.endswith(task.example)
    assert shown[len(task.request) : -len(task.example)] in ("\n\n", " ")


@for_each(
    [
        (FUNCTION, None),
        (PROGRAM, None),
        (replace(FUNCTION, request=""), "no request"),
        (replace(FUNCTION, example=""), "no example"),
        (replace(FUNCTION, name="Square It"), "snake_case"),
        (replace(FUNCTION, kind="lambda"), "unknown kind lambda"),
        (replace(FUNCTION, entry=""), "only a program has no entry"),
        (replace(PROGRAM, entry="main"), "only a program has no entry"),
        (replace(FUNCTION, solutions=FUNCTION.solutions[:1]), "not 2 different solutions"),
        (
            replace(FUNCTION, solutions=("def f(): pass", "def f():  # twice\n    pass")),
            "not 2 different solutions",
        ),
        (replace(FUNCTION, asserts=FUNCTION.asserts[:5]), "under 6"),
        (replace(PROGRAM, runs=PROGRAM.runs[:4]), "under 5"),
        (replace(FUNCTION, runs=PROGRAM.runs), "don't go together"),
        (replace(FUNCTION, asserts=(*FUNCTION.asserts, FUNCTION.asserts[0])), "there twice"),
        (replace(FUNCTION, shown="square(5) == 25"), "what is shown is hidden too"),
        (replace(FUNCTION, request="f, say square( 3 )==9"), "the request shows the example"),
        (
            replace(FUNCTION, asserts=(*FUNCTION.asserts, "square(3) == 9")),
            "the example shows square(3)",
        ),
        (
            replace(PROGRAM, runs=(*PROGRAM.runs, ExpectedRun("3 4\n", (), "7\n"))),
            "the example shows ExpectedRun",
        ),
    ]
)
def test_what_is_wrong_with_an_entry_is_said(row: tuple[WorkingTask, str | None]) -> None:
    task, problem = row
    found = list(find_problems(task))
    if problem is None:
        assert found == []
    else:
        assert any(problem in one for one in found), found


@pytest.mark.parametrize(
    ("example", "shown"),
    [
        ("f('a', 1) gives 2", True),
        ('>>> f( "a",1 )\n2', True),
        ("f('b', 1) gives 2", False),
        ("", False),
    ],
)
def test_a_call_is_shown_however_it_is_written(example: str, shown: bool) -> None:
    assert shows_assert(example, 'f("a", 1) == 2') is shown


@pytest.mark.parametrize(
    ("example", "shown"),
    [
        ("$ prog --up\nb\na\n", False),
        ("stdin:\n  x\nprints, with --up:\n  X", True),
        ("stdin:\nx\nprints:\nX", False),
    ],
)
def test_a_run_is_shown_by_its_lines_and_arguments(example: str, shown: bool) -> None:
    example = example.replace("--up:", "--up")
    assert shows_run(example, ExpectedRun("x\n", ("--up",), "X\n")) is shown


@every_task
def test_what_is_shown_runs_as_the_kind_asks(task: WorkingTask) -> None:
    only = task.only_shown()
    if only is None:
        assert task.shown is None
    else:
        assert len(only.runs if task.kind == "program" else only.asserts) == 1


ROW = """
[[task]]
name = "{name}"
kind = "function"
entry = "f"
request = "Write f(n), twice n."
example = "f(2) is 4"
solutions = ['''def f(n):\n    return 2 * n''', '''f = lambda n: n + n''']
asserts = ["f(0)==0", "f(1)==2", "f(3)==6", "f(-1)==-2", "f(4)==8", "f('a')=='aa'"]
"""


def test_all_files_of_the_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(ROW.format(name="one"))
    (tmp_path / "a.toml").write_text(ROW.format(name="two"))
    tasks = read_working_tasks(tmp_path)
    assert [(task.domain, task.name) for task in tasks] == [("a", "two"), ("b", "one")]
    assert tasks[0].solutions[0] == "def f(n):\n    return 2 * n\n"
    assert tasks[0].task_id == "working/two"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ROW.format(name="one") + ROW.format(name="one"), "one: there 2 times"),
        (ROW.format(name="one").replace('kind = "function"', ""), "one has no 'kind'"),
        (ROW.format(name="One"), "snake_case"),
    ],
)
def test_files_that_are_wrong_are_refused(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(WorkingTaskError, match=problem):
        read_working_tasks(tmp_path)
