import ast

import pytest
from support.rows import for_each

from benchmarks.evaluator.request_forms import Example, pick, show_examples
from benchmarks.evaluator.simple_tasks import SimpleTask, read_example, read_simple_tasks

TASKS = read_simple_tasks()
every_task = for_each(TASKS, name=lambda task: task.name)


def test_there_are_enough_tasks_with_enough_asserts() -> None:
    assert len(TASKS) >= 60
    assert len({task.name for task in TASKS}) == len(TASKS)
    assert all(len(task.asserts) >= 5 for task in TASKS)


@every_task
def test_solutions_keep_all_asserts(task: SimpleTask) -> None:
    namespace: dict[str, object] = {}
    exec(task.solution, namespace)  # our own solution
    for one in task.truth:
        exec(one.assertion, namespace)


@every_task
def test_asserts_are_not_what_a_request_may_show(task: SimpleTask) -> None:
    assert not {one.call for one in task.asserts} & {one.call for one in task.examples}


@every_task
def test_forms_show_all_examples_one_and_none(task: SimpleTask) -> None:
    assert task.ask("examples").examples == task.examples
    assert task.ask("one").examples == task.examples[:1]
    assert task.ask("none").text == task.request
    assert task.examples[1].call in task.ask("examples").text
    assert task.examples[1].call not in task.ask("one").text
    assert task.name in task.request


@pytest.mark.parametrize("style", range(5))
def test_every_style_says_call_and_value(style: int) -> None:
    text = show_examples("Do it.", [Example("f(1)", "[2]")], style=style)
    assert text.startswith("Do it.\n")
    assert "f(1)" in text
    assert "[2]" in text


def test_examples_keep_how_they_were_written() -> None:
    assert read_example("f( [1,2] ) == {'a':  1}") == Example("f( [1,2] )", "{'a':  1}")


@pytest.mark.parametrize("text", ["f(1)", "f(1) != 2", "f(1) < 2"])
def test_what_compares_nothing_is_no_example(text: str) -> None:
    with pytest.raises(ValueError, match="not a call compared"):
        read_example(text)


def test_expected_values_are_literals() -> None:
    for task in TASKS:
        for one in task.truth:
            ast.literal_eval(one.expected)


def test_picking_is_fixed() -> None:
    assert [pick(name, 5) for name in ("a", "b", "HumanEval/0")] == [
        int.from_bytes(digest, "big") % 5
        for digest in (
            bytes.fromhex("ca978112ca1bbdca"),
            bytes.fromhex("3e23e8160039594a"),
            bytes.fromhex("de004141fa5f04d8"),
        )
    ]
