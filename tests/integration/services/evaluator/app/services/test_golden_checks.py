"""Checks of golden inputs: they let every form of a right answer pass, and no wrong one."""

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from services.common.errors import NotJudgeableError
from services.common.schemas import EvaluationRequest
from services.common.task_types import open_task_types
from services.common.task_types.rules import RuleResults
from services.evaluator.app.sandbox import create_sandbox
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.judging.case import describe_case
from services.evaluator.app.services.judging.judge import JudgedAnswer, Judgement, RubricJudge
from services.evaluator.app.services.oversight.calibration.labelled_set import make_request

SLOTS = 4
GOLDEN = open_task_types(None).golden_inputs("code_generation")
INPUTS = {identifier: text for text, identifier in GOLDEN.ids.items()}
SOLUTIONS: dict[str, dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).parent / "data" / "golden_solutions.toml").read_text(encoding="utf-8")
)
ANSWERS = [
    (identifier, side, code)
    for identifier, sides in SOLUTIONS.items()
    for side, codes in sides.items()
    for code in codes
]
# Right forms that no check fits: they take arguments that can't be guessed.
NOT_TRIED = {"def quicksort(a, low, high)", "def __init__(self, owner)", "owner: str"}


def test_every_golden_input_is_tried_on_right_and_wrong_answers() -> None:
    assert set(SOLUTIONS) == set(INPUTS)
    for sides in SOLUTIONS.values():
        assert len(sides["right"]) >= 2
        assert len(sides["wrong"]) == 3
    assert all(len(GOLDEN.checks[text]) >= 3 for text in INPUTS.values())


@pytest.fixture
async def evaluation() -> AsyncIterator[Evaluation]:
    evaluation = Evaluation(RubricJudge(), sandbox=create_sandbox("auto", SLOTS))
    await evaluation.start()
    if not evaluation.availability.is_available:
        pytest.skip(f"code isn't run on this machine: {evaluation.availability.problem}")
    yield evaluation
    await evaluation.close()


TELLING = """
def add(a, b):
    print("given", a, b)
    if a == 0.5: raise ValueError(f"given {a} and {b}")
    if a == -4: return f"a text of {a}"
    return a + b
"""
SPYING = """
import sys
def spy():
    frame = sys._getframe()
    while "self" not in frame.f_locals: frame = frame.f_back
    return "; ".join(frame.f_locals["self"]._steps)
"""
TELLING_ON_LOADING = SPYING + "print(spy()); raise type(spy(), (Exception,), {})(spy())"
LACKING_ON_LOADING = SPYING + "raise ModuleNotFoundError(spy(), name=spy())"
TELLING_BY_AN_EXAMPLE = SPYING + "def gcd(a, b): return spy()"
RAISING_BY_AN_EXAMPLE = SPYING + "def gcd(a, b): raise ValueError(spy())"
# Not in the request, and in its checks.
SECRETS = {
    "cg-053": ("-4", "0.5", "0.25", "0.75", "-3"),
    "cg-028": ("7, 13", "12, 12", "5, 15", "100, 75"),
}


class Listener(RubricJudge):
    """Grades as the rubric does, and keeps what a model would be shown."""

    shown = ""

    async def judge(self, case: JudgedAnswer, rules: RuleResults) -> Judgement:
        self.shown += describe_case(case.user_input, "", rules)
        return await super().judge(case, rules)


@pytest.mark.parametrize(
    ("golden_id", "code", "reason"),
    [
        ("cg-053", TELLING, "check 2 of 3 failed"),
        ("cg-028", TELLING_ON_LOADING, "the code doesn't load: loading raised an exception"),
        ("cg-028", LACKING_ON_LOADING, "the code doesn't load: loading raised an exception"),
        ("cg-028", TELLING_BY_AN_EXAMPLE, "gcd(54, 24) failed"),
        ("cg-028", RAISING_BY_AN_EXAMPLE, "gcd(54, 24) failed"),
    ],
)
async def test_checks_are_told_to_nobody(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch, golden_id: str, code: str, reason: str
) -> None:
    listener = Listener()
    monkeypatch.setattr(evaluation, "_judge", listener)
    with capture_logs() as logs:
        passed, detail = await judge(evaluation, golden_id, code)
    assert not passed
    assert detail["cap_reasons"][0] == reason
    assert detail["execution"]["output"] == ""
    del detail["execution"]["cpu_ms"], detail["execution"]["wall_ms"], detail["evaluator"]
    numbers = {key: detail.pop(key) for key in ("rule_score", "judge_score")}
    assert numbers
    told = [
        *(reason for rule in detail["rules"] for reason in [rule["reason"]]),
        json.dumps(detail["execution"]),
        detail["judge"]["reason"],
        *(one["reason"] for one in detail["judge"]["criteria"]),
        listener.shown,
        str(logs),
    ]
    assert [
        (secret, text) for secret in SECRETS[golden_id] for text in told if secret in text
    ] == []


async def test_a_live_request_with_a_golden_text_is_not_checked(evaluation: Evaluation) -> None:
    text = INPUTS["cg-053"]
    verdict, detail = await evaluation.evaluate(make_request(text, "def add(a, b): return a - b"))
    assert verdict.passed
    assert outcome_of(detail.as_json()) == "not_applicable"
    assert (detail.evidence, detail.caveat[:7]) == ("plausible_calls", "nothing")
    assert {one.kind for one in detail.execution.observations} == {"call"}


@pytest.mark.parametrize(
    "code",
    [
        "def is_even(n, strict): return n % 2 == 1",
        "is_even = lambda n: n % 2 == 1",
        "print(4 % 2 == 1)",
    ],
)
async def test_what_no_check_fits_has_no_score_unless_a_judge_can_tell(
    evaluation: Evaluation, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotJudgeableError, match="no check of the golden input fits"):
        await judge(evaluation, "cg-054", code)
    monkeypatch.setattr(evaluation.judge, "can_judge_unseen", True)
    assert (await judge(evaluation, "cg-054", code))[1]["evidence"] != "checks"


@pytest.mark.parametrize("remainder", [0, 1])
@pytest.mark.parametrize(
    "code",
    [
        "async def is_even(n): return n % 2 == ",
        "class EvenChecker:\n    def is_even(self, n): return n % 2 == ",
    ],
)
async def test_a_coroutine_and_a_method_are_checked_by_what_they_give(
    evaluation: Evaluation, code: str, remainder: int
) -> None:
    code = f"{code}{remainder}"
    assert (await judge(evaluation, "cg-054", code))[0] is (remainder == 0)


async def judge(evaluation: Evaluation, identifier: str, code: str) -> tuple[bool, dict[str, Any]]:
    text = INPUTS[identifier]
    verdict, detail = await evaluation.evaluate(
        EvaluationRequest(
            request_id=uuid4(),
            task_type="code_generation",
            user_input=text,
            refined_input=text,
            worker_output=f"```python\n{code.strip()}\n```",
            golden_id=identifier,
        )
    )
    return verdict.passed, detail.as_json()


def outcome_of(detail: dict[str, Any]) -> str:
    return next(r["outcome"] for r in detail["rules"] if r["name"] == "passes_the_checks")


async def test_right_forms_pass_and_wrong_answers_fail_by_a_check(evaluation: Evaluation) -> None:
    free = asyncio.Semaphore(SLOTS)
    surprises: list[str] = []

    async def look_at(identifier: str, side: str, code: str) -> None:
        untried = any(form in code for form in NOT_TRIED)
        async with free:
            if untried:
                with pytest.raises(NotJudgeableError):
                    await judge(evaluation, identifier, code)
                return
            passed, detail = await judge(evaluation, identifier, code)
        wanted = "failed" if side == "wrong" else "passed"
        if outcome_of(detail) != wanted or passed != (side == "right"):
            told = [f"{o['ran']}: {o['reason']}" for o in detail["execution"]["observations"]]
            surprises.append(f"{identifier} {side}: {code.strip()}\n  {outcome_of(detail)} {told}")

    await asyncio.gather(*(look_at(*answer) for answer in ANSWERS))
    assert not surprises, "\n".join(surprises)
