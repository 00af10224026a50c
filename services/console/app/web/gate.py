"""Who reaches the console: by which names, from which pages, and on which networks."""

from collections.abc import Awaitable
from typing import Final

from starlette.types import Scope

from services.common.access import browsers
from services.common.access.headers import is_always_open, read_bearer
from services.common.access.keys import KeyScope
from services.common.access.networks import UnprotectedError, is_console_public
from services.common.config import ConsoleSettings
from services.common.errors import DatabaseUnavailableError, ForbiddenError
from services.common.http import create_session
from services.console.app.web.admin_client import AdminClient, ManagerAwayError

METRICS_PATHS: Final = frozenset({"/metrics", "/metrics/"})


def read_console_settings() -> ConsoleSettings:
    """Read the settings, with the console's own address where a service's is looked for."""
    own = ConsoleSettings()
    return own.model_copy(
        update={
            "bind_host": own.console_bind_host,
            "published_host": own.console_published_host,
            # It would open to the network what changes prompts: here people always sign in.
            "allow_open": None,
        }
    )


def list_proxies(own: ConsoleSettings) -> tuple[browsers.Network, ...]:
    """List the proxies that are believed when they say who calls; names are the Manager's."""
    known: list[browsers.Network] = []
    for part in own.trusted_proxies.split(","):
        try:
            known += browsers.read_networks(part)
        except ValueError:
            continue
    return tuple(known)


class Gate:
    """Lets a request through to the pages, or raises why not; who asks is the pages' matter."""

    def __init__(self, own: ConsoleSettings) -> None:
        self._is_public = is_console_public(own)
        self._hosts = browsers.list_own_hosts(
            bind_host=own.console_bind_host,
            public_url=own.public_url,
            allowed_hosts=own.allowed_hosts,
        )

    def __call__(self, scope: Scope) -> Awaitable[None] | None:
        """Refuse a request that was sent to another name, or by another site's page."""
        if is_always_open(scope["path"]):
            return None
        if scope["path"] in METRICS_PATHS:
            return _admit_scrape(scope) if self._is_public else None
        browsers.check_host(scope, self._hosts)
        if scope["method"] not in browsers.SAFE_METHODS:
            browsers.check_origin(scope, self._hosts)
        return None


async def _admit_scrape(scope: Scope) -> None:
    admin: AdminClient = scope["app"].state.admin
    bearer = read_bearer(scope)
    person = (await admin.find_session(bearer)).view.person if bearer else None
    if person is None or not {KeyScope.READ, KeyScope.ADMIN} & set(person.scopes):
        raise ForbiddenError("Metrics are for a key with the scope read, sent as a Bearer.")


async def require_sign_in(own: ConsoleSettings) -> None:
    """See, before the console starts, that beyond this machine nobody gets in unknown.

    A Manager that is away is no obstacle: until it says who somebody is, nobody gets in.

    Raises:
        UnprotectedError: If others reach the console, and not over HTTPS or by an account.
    """
    if not is_console_public(own):
        return
    if not own.public_url.startswith("https://"):
        raise UnprotectedError(
            "Others than this machine reach the console (CONSOLE_BIND_HOST, CONSOLE_PUBLISHED_HOST "
            "or PUBLIC_URL), and PUBLIC_URL doesn't begin with https://. Put TLS in front, and set "
            "PUBLIC_URL to the address that people open."
        )
    async with create_session() as http:
        try:
            view = (await AdminClient(http, own.manager_url).find_session("")).view
        except (ManagerAwayError, DatabaseUnavailableError):
            return
    if not (view.password or view.oidc):
        raise UnprotectedError(
            "Others than this machine reach the console, and there is nobody to sign in: make an "
            "account with: selfheal users create NAME --role admin, or set OIDC_ISSUER."
        )
