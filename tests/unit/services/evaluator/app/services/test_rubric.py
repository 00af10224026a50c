"""The rubric: each criterion's grades, and that they are the same for the same answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.task_types.rules import Grade
from services.evaluator.app.services.evidence import Evidence, gather_evidence
from services.evaluator.app.services.rubric import STATIC_CRITERIA

REQUEST = "Write a binary search function"
PLAIN = "def search(items, target):\n    return -1\n"
DOCUMENTED = 'def search(items, target):\n    """Index of target."""\n    return -1\n'


def look_at(answer: str, request: str = REQUEST) -> Evidence:
    return gather_evidence(task_type="code_generation", user_input=request, answer=answer)


def grade(criterion: str, answer: str, request: str = REQUEST) -> Grade:
    return STATIC_CRITERIA[criterion](look_at(answer, request))


def grade_all(evidence: Evidence) -> list[Grade]:
    return [criterion(evidence) for criterion in STATIC_CRITERIA.values()]


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
        pytest.param(
            "stays_on_topic",
            'def f(x):\n    """Binary search."""\n    return \'search\'  # binary search\n',
            0,
            id="topic-in-comments-only",
        ),
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


def test_reasons_stay_short_whatever_the_answer_holds() -> None:
    name = "f" * 20_000
    grades = grade_all(look_at(f"def {name}(): ...\n{name}()"))
    assert max(len(grade.reason) for grade in grades) <= 200


@given(
    answer=st.one_of(st.text(), st.sampled_from([PLAIN, DOCUMENTED, "x = 1", "```js\nlet\n```"])),
    request_text=st.text(),
)
def test_grades_are_in_the_unit_range_and_always_the_same(answer: str, request_text: str) -> None:
    grades = grade_all(look_at(answer, request_text))
    assert all(0 <= grade.value <= 1 for grade in grades)
    assert grades == grade_all(look_at(answer, request_text))
