"""The headers that tell browsers what a page may do, and who may keep it."""

from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS: Final = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # For browsers from before `frame-ancestors`.
    "x-frame-options": "DENY",
}
STRICT_TRANSPORT: Final = "max-age=31536000"
PRIVATE: Final = "no-store, private"
FOR_A_YEAR: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"
STATIC_PREFIX: Final = "/static/"
OK: Final = 200


class SecurityHeaders:
    """Adds them to every response, errors included.

    Args:
        is_https: Whether people open the console over HTTPS.
        assets: What stands in the URL of static files for the version of them that is here.
    """

    def __init__(self, app: ASGIApp, *, is_https: bool, assets: str) -> None:
        self._app = app
        self._assets = assets
        self._always = ALWAYS | (
            {"strict-transport-security": STRICT_TRANSPORT} if is_https else {}
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self._always)
                headers["cache-control"] = self._choose_caching(scope, message["status"])
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _choose_caching(self, scope: Scope, status: int) -> str:
        if not scope["path"].startswith(STATIC_PREFIX):
            return PRIVATE
        version = parse_qs(scope["query_string"].decode("latin-1")).get("v")
        return FOR_A_YEAR if version == [self._assets] and status == OK else ASK_AGAIN
