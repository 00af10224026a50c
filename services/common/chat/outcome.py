"""Says whether what came is the model's answer, or what its provider made of it. Pure.

Which is which, and why, is decided in docs/decisions/0025.
"""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from services.common.answers.markdown import find_fenced_blocks
from services.common.answers.reasoning import split_reasoning
from services.common.chat.messages import Message, read_text
from services.common.errors.model import (
    ModelAnswerCutError,
    ModelContentFilteredError,
    ModelEmptyAnswerError,
    ModelUnavailableError,
)

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

# Where LangChain's integrations keep the reason, and how vendors spell it.
REASON_KEYS = ("finish_reason", "stop_reason", "stopReason", "done_reason")
# Words in them: none is one vendor's alone.
OWN = frozenset({"stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete"})
CUT = ("length", "max_tokens", "max_output_tokens", "context_window")
WITHHELD = (
    *("filter", "safety", "recitation", "blocklist", "prohibited", "spii", "refusal"),
    *("guardrail", "sensitive", "toxic"),
)
FAILED = ("error", "abort", "cancel", "insufficient_system")
JSON_START = re.compile(r'\A\{\s*\Z|\A\[\s*[\[{"\d-]|\{\s*"')
MARK = "the end of what came"
WITHHELD_MESSAGE = "The model's provider withheld the answer."
EMPTY_MESSAGE = "The model's provider gave no answer."
CUT_MESSAGE = (
    "The answer reached its most tokens before it was whole: raise LLM_MAX_TOKENS, or set it to "
    "none."
)


def read_reason(metadata: Mapping[str, Any]) -> str:
    """Read why an answer ended from what LangChain's integrations keep; empty where none does."""
    return _spell(next((metadata[key] for key in REASON_KEYS if metadata.get(key)), ""))


def is_failure(reason: object) -> bool:
    """Tell whether a finish reason says that the provider failed, and not by its filter."""
    told = _spell(reason)
    return any(word in told for word in FAILED) and not any(word in told for word in WITHHELD)


def require_answer(message: "AIMessage") -> str:
    """Return the text of an answer that is the model's own.

    Raises:
        ModelContentFilteredError: If the provider withholds it, or refuses in its place.
        ModelUnavailableError: If the provider failed on the way.
        ModelAnswerCutError: If it was cut before its code or its JSON was whole.
        ModelEmptyAnswerError: If there is none, and the model didn't choose so.
    """
    text = str(message.text)
    reason, more = read_reason(message.response_metadata), message.additional_kwargs
    is_empty = not text.strip()
    if is_empty and more.get("refusal"):
        raise ModelContentFilteredError(WITHHELD_MESSAGE)
    _require_own(text, reason)
    if is_empty and (reason not in OWN or more.get("reasoning_content")):
        raise ModelEmptyAnswerError(EMPTY_MESSAGE)
    return text


def require_own_message(answer: Message, finish_reason: str | None) -> None:
    """Refuse an assistant's message at the door that is its provider's doing, and not the model's.

    Unlike at the guide's route, tools may be called, and a refusal in words is the model's own.

    Raises:
        ModelError: As `require_answer` does.
    """
    text = read_text(answer.get("content"))
    calls = answer.get("tool_calls")
    reason = _spell(finish_reason)
    if any(word in reason for word in CUT) and calls:
        raise ModelAnswerCutError(CUT_MESSAGE)
    _require_own(text or str(answer.get("refusal") or ""), reason)
    if not (text.strip() or calls or answer.get("refusal") or reason in OWN):
        raise ModelEmptyAnswerError(EMPTY_MESSAGE)


def _require_own(text: str, reason: str) -> None:
    if any(word in reason for word in WITHHELD):
        raise ModelContentFilteredError(WITHHELD_MESSAGE)
    if is_failure(reason):
        raise ModelUnavailableError("The model's provider failed while it answered.")
    if any(word in reason for word in CUT) and (not text.strip() or is_on_its_way(text)):
        raise ModelAnswerCutError(CUT_MESSAGE)


def is_on_its_way(text: str) -> bool:
    """Tell whether a text that was cut ends in reasoning, in an open fence or in open JSON."""
    final = split_reasoning(text).final
    if not final:
        return True
    # In the same list or quote as the last line, a mark is in a block where that is still open.
    last_line = final.rpartition("\n")[2]
    margin = last_line[: len(last_line) - len(last_line.lstrip(" \t>"))]
    blocks = find_fenced_blocks(f"{final}\n{margin}{MARK}")
    if blocks:
        return MARK in blocks[-1].text
    return _has_open_json(final)


def _has_open_json(text: str) -> bool:
    """Tell whether a JSON object or array begins in a text and doesn't end."""
    start = JSON_START.search(text)
    if start is None:
        return False
    try:
        json.JSONDecoder().raw_decode(text, start.start())
    except (ValueError, RecursionError):
        return True
    return False


def _spell(value: object) -> str:
    """Spell a finish reason as it is compared here: `FinishReason.MAX_TOKENS` is `max_tokens`."""
    return str(value or "").lower().rpartition(".")[2].replace("-", "_")
