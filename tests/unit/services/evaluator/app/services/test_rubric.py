"""The rubric: each criterion's grades, and that they are the same for the same answer."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.evaluator.app.services.evidence import Evidence, gather_evidence
from services.evaluator.app.services.rubric import (
    CODE_RUBRIC,
    GENERIC_RUBRIC,
    Criterion,
    Grade,
    grade_by_rubric,
)
from services.evaluator.app.services.scorer import reach_verdict

REQUEST = "Write a binary search function"
PLAIN = "def search(items, target):\n    return -1\n"
DOCUMENTED = 'def search(items, target):\n    """Index of target."""\n    return -1\n'


def look_at(answer: str, request: str = REQUEST, task_type: str = "code_generation") -> Evidence:
    return gather_evidence(task_type=task_type, user_input=request, answer=answer)


def grade(criterion: str, answer: str, request: str = REQUEST) -> Grade:
    graded = grade_by_rubric(look_at(answer, request))
    return {one.name: grade for one, grade in graded}[criterion]


@pytest.mark.parametrize(
    ("criterion", "answer", "value"),
    [
        pytest.param("responds", "Hello World", 1, id="responds"),
        pytest.param("responds", "", 0, id="responds-empty"),
        pytest.param("responds", "I'm sorry, no.", 0, id="responds-refusal"),
        pytest.param("responds", "Sorry, fixed:\n\n" + PLAIN, 1, id="responds-apology"),
        pytest.param("keeps_to_the_point", f"```python\n{PLAIN}```", 1, id="point-block"),
        pytest.param("keeps_to_the_point", PLAIN, 1, id="point-bare"),
        pytest.param("keeps_to_the_point", "Hello World", 1, id="point-short"),
        pytest.param("keeps_to_the_point", "", 0, id="point-empty"),
        pytest.param("keeps_to_the_point", "word " * 20, 0, id="point-all-prose"),
        pytest.param(
            "keeps_to_the_point", f"{'word ' * 20}\n```python\n{PLAIN}```", 0.5, id="point-prose"
        ),
        pytest.param("stays_on_topic", PLAIN, 1, id="topic"),
        pytest.param("stays_on_topic", "def binarySearch(): ...", 1, id="topic-camel-case"),
        pytest.param("stays_on_topic", "def do_searching(): ...", 1, id="topic-another-form"),
        pytest.param("stays_on_topic", "def sort(): ...", 0, id="topic-other"),
        pytest.param("stays_on_topic", "Hello World", 0, id="topic-none"),
        pytest.param("is_readable", DOCUMENTED, 1, id="readable-docstring"),
        pytest.param("is_readable", PLAIN, 0.5, id="readable-plain"),
        pytest.param("is_readable", "x = 1", 0, id="readable-nothing-defined"),
        pytest.param("shows_itself_at_work", PLAIN, 0, id="work-none"),
        pytest.param("shows_itself_at_work", "Hello World", 0, id="work-no-code"),
        pytest.param(
            "shows_itself_at_work", PLAIN + "print(search([], 1))\n", 0.5, id="work-called"
        ),
        pytest.param(
            "shows_itself_at_work", PLAIN + "assert search([], 1) == -1\n", 1, id="work-asserted"
        ),
        pytest.param(
            "shows_itself_at_work",
            'def search(items):\n    """Find.\n\n    >>> search([])\n    """\n',
            1,
            id="work-doctest",
        ),
        pytest.param("shows_itself_at_work", PLAIN + "assert True\n", 0, id="work-asserts-nothing"),
        pytest.param("shows_itself_at_work", "# >>> search\n" + PLAIN, 0, id="work-in-a-comment"),
        pytest.param(
            "shows_itself_at_work",
            'def search(items):\n    """Find.\n\n    >>> 1 + 1\n    """\n',
            0,
            id="work-doctest-of-something-else",
        ),
        pytest.param(
            "shows_itself_at_work",
            '"""Search.\n\n>>> search([], 1)\n-1\n"""\n' + PLAIN,
            1,
            id="work-doctest-of-the-module",
        ),
        pytest.param(
            "shows_itself_at_work", "def f(n):\n    return f(n - 1)\n", 0, id="work-recursion"
        ),
        pytest.param(
            "shows_itself_at_work",
            "async def f(n):\n    return f(n - 1)\n",
            0,
            id="work-asynchronous-recursion",
        ),
    ],
)
def test_a_criterion_has_a_grade_and_a_reason(criterion: str, answer: str, value: float) -> None:
    graded = grade(criterion, answer)
    assert graded.value == value
    assert graded.reason


@pytest.mark.parametrize("request_text", ["이진 탐색 함수를 작성해줘", "Write a function"])
def test_a_request_without_words_to_compare_is_always_kept_to(request_text: str) -> None:
    assert grade("stays_on_topic", "def f(): ...", request_text).value == 1


@pytest.mark.parametrize(
    "rubric", [pytest.param(CODE_RUBRIC, id="code"), pytest.param(GENERIC_RUBRIC, id="generic")]
)
def test_the_weights_of_a_rubric_add_up_to_one(rubric: tuple[Criterion, ...]) -> None:
    assert math.fsum(criterion.weight for criterion in rubric) == pytest.approx(1, abs=1e-12)
    assert len({criterion.name for criterion in rubric}) == len(rubric)


def test_another_task_type_has_the_general_rubric() -> None:
    graded = grade_by_rubric(look_at("Dear customer", "Write to the customer", "letters"))
    assert {one.name: grade.value for one, grade in graded} == {"responds": 1, "stays_on_topic": 1}


@pytest.mark.parametrize(
    ("answer", "passes"),
    [("Dear customer, ...", True), ("Hello World", False), ("Sorry, I can't.", False)],
)
def test_an_answer_to_something_else_does_not_pass(answer: str, passes: bool) -> None:
    graded = grade_by_rubric(look_at(answer, "Write to the customer", "letters"))
    judge = math.fsum(criterion.weight * grade.value for criterion, grade in graded)
    assert reach_verdict(1, judge, demonstrably_fails=False).passed is passes


def test_reasons_stay_short_whatever_the_answer_holds() -> None:
    name = "f" * 20_000
    graded = grade_by_rubric(look_at(f"def {name}(): ...\n{name}()"))
    assert max(len(grade.reason) for _, grade in graded) <= 200


@given(
    answer=st.one_of(st.text(), st.sampled_from([PLAIN, DOCUMENTED, "x = 1", "```js\nlet\n```"])),
    request_text=st.text(),
    task_type=st.sampled_from(["code_generation", "letters"]),
)
def test_grades_are_in_the_unit_range_and_always_the_same(
    answer: str, request_text: str, task_type: str
) -> None:
    graded = grade_by_rubric(look_at(answer, request_text, task_type))
    assert all(0 <= grade.value <= 1 for _, grade in graded)
    assert graded == grade_by_rubric(look_at(answer, request_text, task_type))
