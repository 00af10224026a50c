"""One HTTP exchange after another, timed; whatever happens is a value, never an exception."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GRACE_SECONDS: Final = 0.5
MOST_BYTES: Final = 4_000_000
NO_CREDENTIALS: Final[Mapping[str, str]] = {}
JSON_TYPE: Final = "application/json"
# The graded system is asked itself, whatever proxy the environment names for the internet.
_OPENER: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Reply:
    """Response to a request, or the reason why there is none.

    Attributes:
        status: None where nothing came back.
        content_type: The header's value, in lower case.
        text: The body, at most 4 MB of it.
        latency_ms: From the first byte sent to the last received.
        error: Why nothing came back; empty where something did.
    """

    status: int | None
    content_type: str
    text: str
    latency_ms: float
    error: str = ""

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None

    @property
    def fields(self) -> Mapping[str, Any]:
        """The body's JSON object; empty where it is none."""
        content = self.json
        return content if isinstance(content, dict) else {}

    @property
    def seen(self) -> str:
        """In a few words, for the evidence."""
        return self.error or f"HTTP {self.status}"


def send(
    url: str,
    *,
    body: object = None,
    timeout_seconds: float,
    credentials: Mapping[str, str] = NO_CREDENTIALS,
) -> Reply:
    """Send a request: a POST of `body` as JSON, or as it is where it is bytes, else a GET.

    Args:
        timeout_seconds: For the whole exchange, redirects included.
        credentials: Headers by which the service knows the caller; no redirect gets them.
    """
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 - the flags let only http and https in
        url, data=content, headers={"Content-Type": JSON_TYPE} if content else {}
    )
    for name, value in credentials.items():
        request.add_unredirected_header(name, value)
    started = time.perf_counter()
    replies: list[Reply] = []
    # A silence ends by itself; a server that drips headers has to be left behind.
    exchange = threading.Thread(
        target=lambda: replies.append(_exchange(request, started, timeout_seconds)), daemon=True
    )
    exchange.start()
    exchange.join(timeout_seconds + GRACE_SECONDS)
    return replies[0] if replies else Reply(None, "", "", _elapsed_ms(started), "timed out")


def _exchange(request: urllib.request.Request, started: float, timeout_seconds: float) -> Reply:
    try:
        with _OPENER.open(request, timeout=timeout_seconds) as answer:
            return _read(answer, started, timeout_seconds)
    except urllib.error.HTTPError as answer:
        with answer:
            return _read(answer, started, timeout_seconds)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        return Reply(None, "", "", _elapsed_ms(started), str(reason) or type(error).__name__)


def _read(answer: Any, started: float, timeout_seconds: float) -> Reply:
    try:
        text = _read_body(answer, started + timeout_seconds).decode("utf-8", errors="replace")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Reply(None, "", "", _elapsed_ms(started), str(error) or type(error).__name__)
    content_type = (answer.headers.get("Content-Type") or "").lower()
    return Reply(answer.status, content_type, text, _elapsed_ms(started))


def _read_body(answer: Any, deadline: float) -> bytes:
    """Read up to `MOST_BYTES`, which may come byte by byte, but not for ever."""
    body = bytearray()
    while len(body) < MOST_BYTES and (piece := answer.read1(MOST_BYTES - len(body))):
        body += piece
        if time.perf_counter() > deadline:
            raise TimeoutError("timed out in the middle of the answer")
    return bytes(body)


def _elapsed_ms(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
