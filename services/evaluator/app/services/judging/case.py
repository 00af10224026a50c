"""Describes a case to a judge's model: data between markers, and facts outside them."""

import hashlib

from services.common.schemas import Conversation
from services.common.secret_masking import mask_secrets
from services.common.task_types.rules import RuleResult, RuleResults
from services.evaluator.app.services.judging.conversation import (
    write_calls,
    write_messages,
    write_tools,
)

MAX_DATA_CHARACTERS = 24_000


def describe_case(
    request: str,
    answer: str,
    rules: RuleResults,
    conversation: Conversation | None = None,
    *,
    answer_first: bool = False,
) -> str:
    """Describe a case to the judge.

    Everything that an attacker can write is put between markers with a hash of it all, which no
    text can contain of itself. A rule's reason may repeat a name that the answer chose, and a name
    can be a sentence in another alphabet: reasons are data too. Outside the markers are only
    names of rules and their outcomes. Secrets in the data are masked.

    Args:
        conversation: The conversation that the request is the last message of; it and its tools
            are shown in place of the request.
        answer_first: Show the answer before its request; the words are the same.
    """
    asked = {"request": request}
    if conversation is not None:
        asked = {"conversation": write_messages(conversation.messages)}
        if conversation.tools:
            asked["tools"] = write_tools(conversation.tools)
        if (calls := write_calls(conversation.answer)) not in ("", answer):
            answer = f"{answer}\n{calls}".strip()
    asked = {name: mask_secrets(text) for name, text in asked.items()}
    answer = mask_secrets(answer)
    # A reason may repeat what the answer holds.
    observations = "\n".join(
        f"- {result.rule.name}: {' '.join(mask_secrets(result.finding.reason).split())}"
        for result in rules.results
    )
    mark = _mark(*asked.values(), answer, observations)
    blocks = [
        _fence(name, mark, text, keep_end=name == "conversation") for name, text in asked.items()
    ]
    blocks.insert(0 if answer_first else len(blocks), _fence("answer", mark, answer))
    blocks.append(_fence("observations", mark, observations))
    facts = "\n".join(_state_fact(result) for result in rules.results)
    return "\n\n".join([*blocks, f"Facts that checks established:\n{facts}"]) + "\n"


def _state_fact(result: RuleResult) -> str:
    fact = f"- {result.rule.name}: {result.finding.outcome}"
    settles = result.rule.caps and result.finding.outcome == "failed"
    return f"{fact} (an answer that fails this can't pass)" if settles else fact


def _mark(*data: str) -> str:
    joined = "\x00".join(f"{len(text)}:{text}" for text in data)
    return hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()[:16]


def _fence(name: str, mark: str, data: str, *, keep_end: bool = False) -> str:
    """Put data between markers; where it is cut, the opening line says so."""
    cut, shown = "", data
    if len(data) > MAX_DATA_CHARACTERS:
        end = "last" if keep_end else "first"
        cut = f", cut: the {end} {MAX_DATA_CHARACTERS:,} of {len(data):,} characters"
        shown = data[-MAX_DATA_CHARACTERS:] if keep_end else data[:MAX_DATA_CHARACTERS]
    return f"[{name} (data) {mark}{cut}]\n{shown}\n[end of {name} (data) {mark}]"
