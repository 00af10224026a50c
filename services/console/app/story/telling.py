"""Tells a request: what its row and its conversation hold, cut to what a page shows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.common.admin.schemas import TrialAnswer
from services.common.chat.messages import NOT_WHOLE
from services.common.evaluation_detail import EvaluationDetail, RuleDetail, read_detail
from services.common.presentation.detail_reading import read_list, read_part
from services.console.app.story.answer import Block, split_answer
from services.console.app.story.conversation import (
    Tool,
    Turn,
    read_answers,
    read_tools,
    read_turns,
)

MAX_TURNS: Final = 30
MAX_ANSWERS: Final = 8
MAX_TOOLS: Final = 50
MAX_RULES: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and what came of it: as it is on record, or as a replay gave it.

    `turns` are its messages where it came through the door, which may call tools.
    """

    blocks: list[Block]
    turns: list[Turn]
    size: int
    score: float | None
    passed: bool | None
    detail: EvaluationDetail
    error: str | None
    latency_ms: int | None


@dataclass(frozen=True, slots=True)
class Story:
    """A request as it is told.

    Attributes:
        row: The columns of its row and of its conversation.
        turns: The newest messages of the conversation, of which `earlier_turns` are left out.
        not_whole: What of the conversation was too large to be kept, in names of its columns.
    """

    row: Mapping[str, Any]
    answer: Answer
    turns: list[Turn]
    earlier_turns: int
    tools: list[Tool]
    not_whole: list[str]
    variables: str
    tags: str


def tell_story(row: Mapping[str, Any], most: int) -> Story:
    """Tell a request.

    Args:
        most: Characters of the answer that are shown.
    """
    said = [{"role": "user", "content": row["user_input"]}]
    turns = read_turns(row["messages"]) or read_turns(said)
    parameters = row["parameters"] if isinstance(row["parameters"], dict) else {}
    output = row["worker_output"] or ""
    return Story(
        row=row,
        answer=Answer(
            blocks=split_answer(output[:most]),
            turns=read_answers(row["choices"])[:MAX_ANSWERS],
            size=len(output),
            score=row["score"],
            passed=row["passed"],
            detail=read_detail(row["detail"]),
            error=row["error_message"],
            latency_ms=row["worker_latency_ms"],
        ),
        turns=turns[-MAX_TURNS:],
        earlier_turns=max(0, len(turns) - MAX_TURNS),
        tools=read_tools(row["tools"])[:MAX_TOOLS],
        not_whole=[str(one) for one in read_list(read_part(parameters, NOT_WHOLE), "changed")],
        variables=_write_json(row["variables"]),
        tags=_write_json(row["tags"]),
    )


def _write_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""


def tell_replay(replay: TrialAnswer, most: int) -> Answer:
    """Tell what a replay gave."""
    output = replay.output or ""
    return Answer(
        blocks=split_answer(output[:most]),
        turns=[],
        size=len(output),
        score=replay.score,
        passed=replay.passed,
        detail=read_detail(replay.detail),
        error=replay.error,
        latency_ms=replay.latency_ms,
    )


def pair_rules(
    before: EvaluationDetail, after: EvaluationDetail
) -> list[tuple[str, RuleDetail | None, RuleDetail | None]]:
    """Put two evaluations' findings side by side, by the rule's name."""
    old, new = ({rule.name: rule for rule in one.rules[:MAX_RULES]} for one in (before, after))
    return [(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]
