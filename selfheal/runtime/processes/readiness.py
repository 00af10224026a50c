"""Asking a process of ours over HTTP whether it can serve."""

import http.client
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 2.0


def is_ready(url: str) -> bool:
    """Tell whether a GET answers 200 within two seconds; never goes through a proxy."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=_TIMEOUT_SECONDS
    )
    try:
        connection.request("GET", address.path or "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
