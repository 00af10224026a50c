"""Keeps web pages from acting as whoever sits at the browser: hosts, origins, CSRF tokens."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from starlette.types import Scope

from services.common.access.headers import read_header
from services.common.access.networks import read_address
from services.common.errors import ForbiddenError

Network = IPv4Network | IPv6Network

# Those that change nothing, by their definition.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "QUERY", "TRACE"})
OWN_FETCH_SITES = frozenset({"same-origin", "none"})
MOST_PATH_CHARACTERS = 2_000
_AUTHORITY = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?", re.ASCII)
_PATH = re.compile(r"/(?!/)[!-\[\]-~]*", re.ASCII)


class CsrfTokenError(ForbiddenError):
    """A change came without the token that its page should have, or with one of another time."""

    code = "csrf_token_invalid"


@dataclass(frozen=True, slots=True)
class OwnHosts:
    """The names under which a service is reached; no page of another's has an origin of them.

    Attributes:
        names: Hosts without their ports, in small letters.
        public_origin: Scheme, host and port of PUBLIC_URL; empty where there is none.
        any_address: Whether every IP address will do, since all of them are listened on: only
            names can be made to lead elsewhere.
    """

    names: frozenset[str]
    public_origin: str
    any_address: bool


def list_own_hosts(*, bind_host: str, public_url: str, allowed_hosts: str = "") -> OwnHosts:
    """List the names of a service; those of this machine are always among them.

    Args:
        bind_host: Where it listens.
        public_url: Where people open the console; may be empty.
        allowed_hosts: Other names of it, separated by commas.
    """
    public = urlsplit(public_url)
    more = {part.strip() for part in allowed_hosts.split(",")}
    names = {"localhost", bind_host, public.hostname or "", *more} - {""}
    return OwnHosts(
        names=frozenset(name.lower() for name in names),
        public_origin=f"{public.scheme}://{public.netloc}".lower() if public_url else "",
        any_address=bind_host in ("0.0.0.0", "::"),  # noqa: S104 - compared with, not listened on
    )


def check_host(scope: Scope, own: OwnHosts) -> None:
    """Refuse a request that was sent to another name than the service's own.

    A page whose name was made to lead here, by DNS rebinding, is stopped by this.

    Raises:
        ForbiddenError: If the header Host isn't one of the service's own, or isn't there.
    """
    found = _AUTHORITY.fullmatch(read_header(scope, b"host"))
    host = (found[1] or found[2]).lower() if found else ""
    address = read_address(host)
    is_own = address is not None and (address.is_loopback or own.any_address)
    if not is_own and host not in own.names:
        raise ForbiddenError(
            "This isn't reached under that name. Use localhost, or the name in PUBLIC_URL; other "
            "names are listed in ALLOWED_HOSTS."
        )


def check_origin(scope: Scope, own: OwnHosts) -> None:
    """Refuse a change that another site's page asks for; a program sends neither header.

    Raises:
        ForbiddenError: If `Origin` or `Sec-Fetch-Site` tells of another site.
    """
    origin = read_header(scope, b"origin").lower()
    scheme, _, authority = origin.partition("://")
    is_own = origin == own.public_origin or (
        scheme in ("http", "https") and authority == read_header(scope, b"host").lower()
    )
    fetch_site = read_header(scope, b"sec-fetch-site")
    if (origin and not is_own) or (fetch_site and fetch_site not in OWN_FETCH_SITES):
        raise ForbiddenError("A page of another site asked for this change.")


def make_csrf_token(secret: str) -> str:
    """Make a token that only who knows the secret can make, another one each time.

    Args:
        secret: A session, or where nobody signs in a secret of the installation's or process's.
    """
    nonce = secrets.token_urlsafe(16)
    return f"{nonce}.{_sign(nonce, secret)}"


def matches_csrf_token(given: str, secret: str) -> bool:
    """Tell whether a token was made with this secret."""
    nonce, _, signature = given.partition(".")
    expected = _sign(nonce, secret)
    return bool(secret) and hmac.compare_digest(signature.encode(), expected.encode())


def check_csrf_token(given: str, secret: str) -> None:
    """Refuse a change that didn't bring its token along.

    Raises:
        CsrfTokenError: If the token wasn't made with this secret.
    """
    if not matches_csrf_token(given, secret):
        raise CsrfTokenError(
            "The change came without a token that is valid now: load the page anew, and try again. "
            "Programs take one from GET /api/v1/admin/session, and send it as X-CSRF-Token."
        )


def _sign(nonce: str, secret: str) -> str:
    message = b"csrf:" + nonce.encode("utf-8", "replace")
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def is_own_path(text: str) -> bool:
    """Tell whether a text is a path on this site, to which a browser may be sent.

    What browsers read as another site's address isn't: two slashes, a backslash, and whatever
    they leave out, such as tabs and line breaks.
    """
    path = text.partition("?")[0]
    return (
        len(text) <= MOST_PATH_CHARACTERS and _PATH.fullmatch(text) is not None and "//" not in path
    )


def read_networks(text: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas.

    Raises:
        ValueError: If one of them is neither.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def read_client_address(scope: Scope, trusted: Iterable[Network]) -> str:
    """Return the address of who calls: the peer's, unless that is a proxy that is trusted.

    Of `X-Forwarded-For`, to which every proxy adds at the end, counts what the last trusted one
    saw.
    """
    networks = tuple(trusted)
    address: str = scope["client"][0] if scope.get("client") else ""
    hops = read_header(scope, b"x-forwarded-for").split(",")
    while hops and (peer := read_address(address)) and any(peer in one for one in networks):
        hop = hops.pop().strip()
        if read_address(hop) is None:
            break
        address = hop
    return address
