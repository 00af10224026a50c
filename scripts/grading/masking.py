"""Secrets that a command or its output may hold, kept out of reports that people pass around."""

import re
from typing import Final

MASK: Final = "***"
_IN_URL: Final = re.compile(r"(://[^\s:/@]*):[^\s@]+@")
_NAMED: Final = re.compile(
    r"""(\b\w*(?:password|passwd|secret|token|api_?key)\w*["']?\s*[=:]\s*)[^\s,;]+""", re.IGNORECASE
)


def mask_secrets(text: str) -> str:
    """Replace the password of a URL, and the value of what is called password, token or key."""
    return _NAMED.sub(rf"\1{MASK}", _IN_URL.sub(rf"\1:{MASK}@", text))
