"""The labelled set: answers that are known to be right or wrong."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias
from uuid import uuid4

from services.common.evaluation_detail import EvaluationDetail
from services.common.schemas import EvaluationRequest
from services.common.task_types.registry import BUILT_IN_DIRECTORY
from services.evaluator.app.services.scorer import Verdict

LABELLED_TASK_TYPE = "code_generation"
LABELLED_FILE = BUILT_IN_DIRECTORY / LABELLED_TASK_TYPE / "labelled.json"

# What scores an answer: `Evaluation.evaluate`, the very code that scores for users.
Score: TypeAlias = Callable[[EvaluationRequest], Awaitable[tuple[Verdict, EvaluationDetail]]]


@dataclass(frozen=True, slots=True)
class LabelledAnswer:
    """An answer that is known to be right or wrong.

    Attributes:
        passes: Whether it does what the request asks; the item's asserts prove it.
        shown_by: What shows a wrong answer to be wrong to one who only reads what the request
            states and sees what the code does: `form`, `no value`, or one of the asserts, whose
            value the request states. Empty where it takes understanding the request, and for
            right answers.
        asserts: Expressions over the answer's code, each with the literal it must come to.
            They are for proving the label; no judge sees them.
    """

    id: str
    request: str
    answer: str
    passes: bool
    why: str
    canary: bool
    asserts: tuple[tuple[str, str], ...]
    shown_by: str = ""


@cache
def load_labelled_answers() -> tuple[LabelledAnswer, ...]:
    """Load the whole set, half right and half wrong."""
    items = json.loads(LABELLED_FILE.read_text(encoding="utf-8"))
    return tuple(
        LabelledAnswer(
            asserts=tuple((check["run"], check["expected"]) for check in item.pop("asserts")),
            **item,
        )
        for item in items
    )


def load_canaries() -> tuple[LabelledAnswer, ...]:
    """Load the canary's part of the set, which is scored on a schedule."""
    return tuple(item for item in load_labelled_answers() if item.canary)


def make_request(request: str, answer: str) -> EvaluationRequest:
    """Make the request to score a labelled answer, as the Manager would."""
    return EvaluationRequest(
        request_id=uuid4(),
        task_type=LABELLED_TASK_TYPE,
        user_input=request,
        refined_input=request,
        worker_output=answer,
    )
