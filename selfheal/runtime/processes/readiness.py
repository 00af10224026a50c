"""Asking a process of ours over HTTP whether it can serve."""

import http.client
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 2.0
_MOST_BYTES = 400


def find_obstacle(url: str) -> str:
    """Return what keeps a GET, past any proxy, from a 200 within two seconds; empty if nothing."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=_TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", address.path or "/")
        answer = connection.getresponse()
        if answer.status == http.client.OK:
            return ""
        text = answer.read(_MOST_BYTES).decode("utf-8", "replace")
        return f"{url} answers {answer.status} {text}".rstrip()
    except (OSError, http.client.HTTPException) as error:
        return f"{url} gives no answer ({error})"
    finally:
        connection.close()
