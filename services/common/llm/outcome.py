"""Says whether what came is the model's answer, or what its provider made of it. Pure.

Which is which, and why, is decided in docs/decisions/0025.
"""

import json
import re

from langchain_core.messages import AIMessage

from services.common.answers.markdown import find_fenced_blocks
from services.common.answers.reasoning import split_reasoning
from services.common.errors import (
    ModelAnswerCutError,
    ModelContentFilteredError,
    ModelEmptyAnswerError,
    ModelUnavailableError,
)

# Where LangChain's integrations keep the reason, and how vendors spell it.
REASON_KEYS = ("finish_reason", "stop_reason", "stopReason", "done_reason")
OWN_REASONS = frozenset({"stop", "end_turn", "stop_sequence", "eos", "eos_token", "complete"})
CUT_REASONS = frozenset(
    {
        "length",
        "max_tokens",
        "max_output_tokens",
        "max_length",
        "model_length",
        "model_context_window_exceeded",
    }
)
WITHHELD_REASONS = frozenset(
    {
        "content_filter",
        "content_filtered",
        "safety",
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "refusal",
        "guardrail_intervened",
        "sensitive",
        "error_toxic",
    }
)
FAILED_REASONS = frozenset(
    {"error", "network_error", "insufficient_system_resource", "abort", "cancelled"}
)
OBJECT_START = re.compile(r'\{\s*"')
MARK = "the end of what came"


def read_reason(value: object) -> str:
    """Spell a finish reason as it is compared here: `FinishReason.MAX_TOKENS` is `max_tokens`."""
    return str(value or "").lower().rpartition(".")[2].replace("-", "_")


def require_answer(message: AIMessage) -> str:
    """Return the text of an answer that is the model's own.

    Raises:
        ModelContentFilteredError: If the provider withholds it, or refuses in its place.
        ModelUnavailableError: If the provider failed on the way.
        ModelAnswerCutError: If it was cut before its code or its JSON was whole.
        ModelEmptyAnswerError: If there is none, and the model didn't choose so.
    """
    text = str(message.text)
    metadata, more = message.response_metadata, message.additional_kwargs
    reason = read_reason(next((metadata[key] for key in REASON_KEYS if metadata.get(key)), ""))
    is_empty = not text.strip()
    if reason in WITHHELD_REASONS or (is_empty and more.get("refusal")):
        raise ModelContentFilteredError("The model's provider withheld the answer.")
    if reason in FAILED_REASONS:
        raise ModelUnavailableError("The model's provider failed while it answered.")
    if reason in CUT_REASONS and (is_empty or is_on_its_way(text)):
        raise ModelAnswerCutError(
            "The answer reached its most tokens before it was whole: raise LLM_MAX_TOKENS, or "
            "set it to none."
        )
    if is_empty and (reason not in OWN_REASONS or more.get("reasoning_content")):
        raise ModelEmptyAnswerError("The model's provider gave no answer.")
    return text


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
    found = OBJECT_START.search(text)
    start = found.start() if found else 0
    if not text.startswith(("{", "["), start):
        return False
    try:
        json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return True
    return False
