"""A stand-in for a worse model: spoils a fixed share of answers, whatever the prompt. Pure."""

import hashlib
import re
from typing import Final

# Share of the requests whose answers are spoilt, in tenths.
SPOILT_TENTHS: Final = 6
_RETURN = re.compile(r"^(\s*)return\b.*$", re.M)


def worse_name(name: str) -> str:
    """Return the name that the worse model answers with."""
    return f"{name}-mini"


def damage_answer(answer: str, request: str) -> str:
    """Spoil an answer if its request is one of those: code forgets what it was to return.

    Which requests those are depends on the request alone, so that no prompt avoids it.
    """
    if not is_spoilt(request):
        return answer
    spoilt = _RETURN.sub(r"\1return None", answer)
    return spoilt if spoilt != answer else answer[: len(answer) // 2]


def is_spoilt(request: str) -> bool:
    """Tell whether a request is one that the worse model can't do."""
    return hashlib.sha256(request.encode()).digest()[0] % 10 < SPOILT_TENTHS
