from collections import Counter
from pathlib import Path

import pytest

from benchmarks.evaluator.labelled_answers import (
    CANONICAL,
    HALVES,
    MUTANTS_FILE,
    OUTPUT,
    OUTPUTS_FILE,
    WRONG_ALGORITHM,
    LabelledAnswer,
    Task,
    half_of,
    read_labelled,
    read_tasks,
    write_labelled,
)
from benchmarks.evaluator.mutations import KINDS
from benchmarks.evaluator.request_forms import Example, TaskRequest

MUTANTS = read_labelled(MUTANTS_FILE)
OUTPUTS = read_labelled(OUTPUTS_FILE)
TASKS = read_tasks()

FIRST, SECOND = Example("f(1)", "1"), Example("f(2)", "4")
TASK = Task(
    {
        "examples": TaskRequest("f", (FIRST, SECOND)),
        "one": TaskRequest("f", (FIRST,)),
        "none": TaskRequest("f", ()),
    },
    (FIRST, SECOND),
)


def answer(
    *, loads: bool = True, gives_value: bool = True, contradicts: tuple[int, ...] = ()
) -> LabelledAnswer:
    return LabelledAnswer("f/1", "f", "off by one", "...", False, loads, gives_value, contradicts)


def test_the_split_is_fixed() -> None:
    assert Counter(answer.half for answer in MUTANTS) == {"reporting": 528, "tuning": 432}
    assert Counter((answer.half, answer.right) for answer in OUTPUTS) == {
        ("reporting", True): 84,
        ("reporting", False): 130,
        ("tuning", True): 76,
        ("tuning", False): 165,
    }
    assert half_of("HumanEval/0") == "tuning"
    assert half_of("HumanEval/2") == "reporting"
    assert {half_of(name) for name in TASKS} == set(HALVES)


def test_answers_are_right_or_wrong_as_their_kind_says() -> None:
    assert all(answer.right == (answer.kind == CANONICAL) for answer in MUTANTS)
    assert {answer.kind for answer in MUTANTS} == {CANONICAL, WRONG_ALGORITHM, *KINDS}
    assert {answer.kind for answer in OUTPUTS} == {OUTPUT}


def test_every_task_has_one_canonical_solution_and_several_mutants() -> None:
    canonical = Counter(answer.task for answer in MUTANTS if answer.kind == CANONICAL)
    assert set(canonical.values()) == {1}
    mutants = Counter(answer.task for answer in MUTANTS if answer.kind != CANONICAL)
    assert max(mutants.values()) <= 6
    assert sum(mutants.values()) / len(canonical) >= 4


@pytest.mark.parametrize("answers", [MUTANTS, OUTPUTS], ids=["mutants", "outputs"])
def test_no_answer_is_there_twice(answers: tuple[LabelledAnswer, ...]) -> None:
    assert len({answer.id for answer in answers}) == len(answers)
    assert len({(answer.task, answer.answer) for answer in answers}) == len(answers)


def test_answers_belong_to_tasks_and_count_along_their_examples() -> None:
    for one in (*MUTANTS, *OUTPUTS):
        assert all(number < len(TASKS[one.task].examples) for number in one.contradicts)


def test_what_is_right_contradicts_nothing() -> None:
    for one in (*MUTANTS, *OUTPUTS):
        if one.right:
            assert one.loads
            assert one.gives_value
            assert not one.contradicts


@pytest.mark.parametrize(
    ("judged", "examples", "one", "none"),
    [
        (answer(), False, False, False),
        (answer(contradicts=(0,)), True, True, False),
        (answer(contradicts=(1,)), True, False, False),
        (answer(gives_value=False), True, True, True),
        (answer(loads=False, gives_value=False, contradicts=(0, 1)), True, True, True),
    ],
)
def test_a_form_betrays_what_it_shows(
    judged: LabelledAnswer, examples: bool, one: bool, none: bool
) -> None:
    betrayed = [TASK.betrays(judged, form) for form in ("examples", "one", "none")]
    assert betrayed == [examples, one, none]


def test_a_crash_contradicts_no_example_that_is_not_shown() -> None:
    assert not TASK.shows_contradiction(answer(loads=False, contradicts=(1,)), "one")
    assert TASK.shows_contradiction(answer(loads=False, contradicts=(1,)), "examples")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    answers = (answer(contradicts=(0, 1)), answer(loads=False))
    write_labelled(tmp_path / "answers.jsonl", answers)
    assert read_labelled(tmp_path / "answers.jsonl") == answers
