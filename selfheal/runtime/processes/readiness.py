"""Asking a process of ours over HTTP whether it can serve."""

import http.client
import json
from contextlib import suppress
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 2.0
_MOST_BYTES = 64 << 10
_MOST_TOLD = 400


def find_obstacle(url: str) -> str:
    """Return what keeps a GET, past any proxy, from a 200 within two seconds; empty if nothing."""
    try:
        status, text = _get(url)
    except (OSError, http.client.HTTPException) as error:
        return f"{url} gives no answer ({error})"
    if status == http.client.OK:
        return ""
    return f"{url} answers {status} {text[:_MOST_TOLD]}".rstrip()


def read_problem(url: str) -> str:
    """Return what a process says that keeps it from serving; empty where it says nothing."""
    with suppress(OSError, http.client.HTTPException, ValueError, AttributeError):
        return str(json.loads(_get(url)[1]).get("problem", ""))[:_MOST_TOLD]
    return ""


def _get(url: str) -> tuple[int, str]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=_TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", address.path or "/")
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_BYTES).decode("utf-8", "replace")
    finally:
        connection.close()
