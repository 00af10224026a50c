"""Takes the texts out of a row of the log; its figures stay. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from services.common.evaluation_detail import REMOVED

# What a row says that its texts were removed by.
ERASURE: Final = "selfheal erase"
# Where a word in an evaluation's detail is the name of something of ours, and nothing that a
# person, a model or code wrote.
FIGURES: Final = frozenset({
    "arm", "at", "backend", "by", "code", "evidence", "fallback", "fingerprint", "kind", "layers",
    "model", "name", "outcome", "rollout", "service", "status", "verdict",
})  # fmt: skip
# Columns of `selfheal.conversations` that hold texts, or say whose they are.
BLANK_CONVERSATION: Final[Mapping[str, Any]] = {
    "messages": [],
    "tools": None,
    "parameters": {},
    "variables": {},
    "choices": None,
    "session_id": None,
    "end_user": None,
    "tags": None,
}
_find_code = re.compile(r"[a-z_]+(?=:)").match


def blank_execution(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of `execution_logs` that hold texts, by name, without them."""
    message = row["error_message"]
    code, figures = _find_code(message or ""), keep_figures(row["evaluation_detail"])
    return {
        "user_input": "",
        "refined_input": None,
        "worker_output": None,
        "evaluation_detail": {
            **(figures if isinstance(figures, dict) else {}),
            REMOVED: {"by": ERASURE},
        },
        "error_message": message and (code[0] if code else "erased"),
    }


def keep_figures(value: Any, name: str = "") -> Any:
    """Copy JSON without its texts, but for our own names of things.

    Args:
        name: The key that the value, or the list that it is in, stands under.
    """
    match value:
        case dict():
            kept = {key: keep_figures(item, key) for key, item in value.items()}
            return {key: item for key, item in kept.items() if item is not None}
        case list():
            return [kept for item in value if (kept := keep_figures(item, name)) is not None]
        case str():
            return value if name in FIGURES else None
        case _:
            return value
