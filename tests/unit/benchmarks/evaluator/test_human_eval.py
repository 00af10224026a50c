import ast

import pytest
from support.rows import for_each

from benchmarks.evaluator.human_eval import (
    LEFT_OUT,
    HumanEvalTask,
    is_call_of_candidate,
    read_human_eval,
    strip_docstrings,
)

ALL = {task.task_id: task for task in read_human_eval(with_left_out=True)}
TASKS = {task.task_id: task for task in read_human_eval()}
every_task = for_each(TASKS.values(), name=lambda task: task.task_id)


def test_tasks_that_contradict_themselves_are_left_out() -> None:
    assert len(ALL) == 164
    assert set(LEFT_OUT) == set(ALL) - set(TASKS)
    assert {"HumanEval/47", "HumanEval/130"} <= set(LEFT_OUT)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_contradicts_an_example_of_its_own(name: str) -> None:
    task = ALL[name]
    namespace: dict[str, object] = {}
    exec(task.code, namespace)  # HumanEval's own solution

    def keeps(call: str, expected: str) -> bool:
        try:
            return bool(eval(call, namespace) == ast.literal_eval(expected))
        except TypeError:
            return False

    assert not all(keeps(one.example.call, one.example.expected) for one in task.shown)


@every_task
def test_forms_show_all_examples_one_and_none(task: HumanEvalTask) -> None:
    full, one, none = (task.ask(form) for form in ("examples", "one", "none"))
    assert full.examples == tuple(shown.example for shown in task.shown)
    in_the_way = [shown for shown in task.shown if shown.line not in task.example_lines]
    assert len(none.examples) == len(in_the_way)
    if len(task.shown) > len(in_the_way):
        assert len(one.examples) - len(none.examples) in (1, 2)
        assert len(none.text) < len(one.text) <= len(full.text)
    for line in task.docstring:
        assert line.strip() in full.text
    assert task.entry_point in none.text


@every_task
def test_a_request_without_examples_has_no_call_with_values(task: HumanEvalTask) -> None:
    text = task.ask("none").text
    # A recurrence's first values are part of what is asked.
    kept = {one.call for one in task.ask("none").examples}
    hidden = {one.call for one in task.ask("examples").examples} - kept
    assert not [call for call in hidden if call in text]
    assert ">>>" not in text.rpartition(f"def {task.entry_point}(")[2]


@every_task
def test_plausible_calls_call_the_function_with_written_values(task: HumanEvalTask) -> None:
    assert task.plausible_calls
    for call in task.plausible_calls:
        assert f"{task.entry_point}(" in call
        ast.parse(call, mode="eval")


def test_docstrings_are_stripped_and_code_stays() -> None:
    source = (
        '"""A."""\n\ndef f(x):\n    """B."""\n    # C\n'
        '    def g():\n        """D."""\n    return "E"\n'
    )
    assert strip_docstrings(source) == ("def f(x):\n\n    def g():\n        pass\n    return 'E'\n")


def test_no_judged_solution_keeps_a_docstring() -> None:
    for task in TASKS.values():
        for node in ast.walk(ast.parse(task.code)):
            if isinstance(node, ast.FunctionDef):
                assert ast.get_docstring(node) is None


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("candidate([1, 2], 'a')", True),
        ("candidate(-1)", True),
        ("candidate(x)", False),
        ("candidate(copy.deepcopy(x))", False),
        ("other(1)", False),
        ("candidate(n=1)", False),
    ],
)
def test_calls_with_written_arguments_are_told_from_others(call: str, expected: bool) -> None:
    node = ast.parse(call, mode="eval").body
    assert isinstance(node, ast.Call)
    assert is_call_of_candidate(node) is expected
