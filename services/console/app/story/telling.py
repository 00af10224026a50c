"""Tells a request: what its row and its conversation hold, cut to what a page shows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.common.admin.schemas import TrialAnswer
from services.common.chat.messages import NOT_WHOLE
from services.common.evaluation_detail import EvaluationDetail, RuleDetail, read_detail
from services.common.presentation.detail_reading import read_list, read_part
from services.console.app.story import conversation
from services.console.app.story.answer import Block, split_answer

MAX_TURNS: Final = 30
MAX_ANSWERS: Final = 8
MAX_TOOLS: Final = 50
MAX_RULES: Final = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and what came of it: as it is on record, or as a replay gave it."""

    blocks: list[Block]
    size: int
    score: float | None
    passed: bool | None
    detail: EvaluationDetail
    error: str | None
    latency_ms: int | None


def tell_story(row: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Tell a request; of its answer at most so many characters.

    `turns` are the newest messages, of which `earlier_turns` are left out; `not_whole` is what of
    the conversation was too large to be kept, in names of its columns.
    """
    said = [{"role": "user", "content": row["user_input"]}]
    turns = conversation.read_turns(row["messages"]) or conversation.read_turns(said)
    parameters = row["parameters"] if isinstance(row["parameters"], dict) else {}
    return {
        "row": row,
        "answer": _tell_answer(row, most),
        "turns": turns[-MAX_TURNS:],
        "earlier_turns": max(0, len(turns) - MAX_TURNS),
        "answers": conversation.read_answers(row["choices"])[:MAX_ANSWERS],
        "tools": conversation.read_tools(row["tools"])[:MAX_TOOLS],
        "not_whole": list(map(str, read_list(read_part(parameters, NOT_WHOLE), "changed"))),
        **{name: _write_json(row[name]) for name in ("variables", "tags")},
    }


def tell_replay(replay: TrialAnswer, most: int) -> Answer:
    """Tell what a replay gave; of its answer at most so many characters."""
    return _tell_answer(replay.model_dump(), most)


def pair_rules(
    before: EvaluationDetail, after: EvaluationDetail
) -> list[tuple[str, RuleDetail | None, RuleDetail | None]]:
    """Put those findings of two evaluations side by side that differ, by the rule's name."""
    old, new = ({rule.name: rule for rule in one.rules[:MAX_RULES]} for one in (before, after))
    pairs = [(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]
    return [
        (name, was, now)
        for name, was, now in pairs
        if was is None or now is None or was.outcome != now.outcome
    ]


def _tell_answer(told: Mapping[str, Any], most: int) -> Answer:
    output = told["output"] or ""
    return Answer(
        blocks=split_answer(output[:most]),
        size=len(output),
        detail=read_detail(told["detail"]),
        **{name: told[name] for name in ("score", "passed", "error", "latency_ms")},
    )


def _write_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if value else ""
