"""Decides whether who calls may use a route: by the key that came along, or by the network."""

from collections.abc import Awaitable
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

from services.common.access.headers import is_always_open, read_bearer, read_header
from services.common.access.keys import KEY_PREFIX, ApiKey, KeyScope, find_key, holds_key
from services.common.access.networks import UnprotectedError, must_ask, name_exposure
from services.common.config import ManagerSettings
from services.common.errors import DatabaseUnavailableError, ForbiddenError, UnauthenticatedError
from services.common.internal_token import TOKEN_HEADER, matches_token
from services.manager.app.access.key_store import KeyStore
from services.manager.app.access.people import People, holder_of
from services.manager.app.access.routes import METRICS_PATHS, SIGN_IN, find_scope, is_admin_path

# As long as asking goes well, what is known is no older than this.
CURRENT_SECONDS = 2.0
HOW_TO_SEND = "Send a key in the header `Authorization: Bearer sh_...`"
HOW_TO_MAKE = "make one with: selfheal keys create NAME --scope serve"


class KeysUnknownError(DatabaseUnavailableError):
    """Whether a key is valid can't be told: the database is away, and that is no fault of its."""

    code = "keys_unknown"

    def __init__(self) -> None:
        super().__init__(
            "Whether a key is valid can't be told now: the keys can't be read from the database."
        )


class Authorisation:
    """Lets a request through, or raises why not."""

    def __init__(self, settings: ManagerSettings, store: KeyStore, people: People) -> None:
        self._settings = settings
        self._store = store
        self._people = people
        self._asks = must_ask(settings) or settings.require_keys

    def __call__(self, scope: Scope) -> Awaitable[None] | None:
        """Check a request by its head; the key that it came with is in its state afterwards.

        At the admin API, people are known as well, which takes a look into the database: what
        that returns is to be waited for.

        Raises:
            UnauthenticatedError: If it needs a key and has none, or has one that isn't valid.
            ForbiddenError: If its key isn't for this route.
            KeysUnknownError: If the database is away, and the key isn't one that was known lately.
        """
        path: str = scope["path"]
        _refuse_key_in_url(path, scope["query_string"])
        if is_always_open(path):
            return None
        bearer = read_bearer(scope)
        if bearer.startswith(KEY_PREFIX):
            self._check_key(scope, self._find(bearer))
            return None
        if is_admin_path(path):
            return self._people.admit(scope)
        if self._asks and not self._is_scraped(scope, bearer):
            raise UnauthenticatedError(f"{HOW_TO_SEND}; {HOW_TO_MAKE}")
        return None

    def _check_key(self, scope: Scope, key: ApiKey) -> None:
        route = scope["method"], scope["path"]
        needed = find_scope(*route)
        if route not in SIGN_IN and not key.allows(needed or KeyScope.ADMIN):
            raise ForbiddenError(
                f"This key lacks the scope {needed}, which this route asks for."
                if needed
                else "There is nothing under this path and method that this key may use."
            )
        scope["state"]["api_key"] = key
        if is_admin_path(scope["path"]):
            scope["state"]["person"] = holder_of(key)

    def find_obstacle(self) -> str:
        """Say why nobody who needs a key can be known now; empty where they can."""
        return KeysUnknownError().message if self._asks and self._recall() is None else ""

    def _recall(self) -> dict[str, ApiKey] | None:
        """Return the keys that were read last, unless that is too long ago."""
        longest_seconds = max(self._settings.key_max_age_seconds, CURRENT_SECONDS)
        return self._store.keys if self._store.age_seconds <= longest_seconds else None

    def _find(self, bearer: str) -> ApiKey:
        known = self._recall()
        if known is None:
            raise KeysUnknownError
        key = find_key(bearer, known)
        if key is None:
            if self._store.age_seconds > CURRENT_SECONDS:
                raise KeysUnknownError
            raise UnauthenticatedError(
                "This key isn't valid: it is cut, wrong, revoked or expired, or another system's. "
                "See: selfheal keys list"
            )
        return key

    def _is_scraped(self, scope: Scope, bearer: str) -> bool:
        """Tell a scrape by the system's own Prometheus, which has the internal token."""
        given = read_header(scope, TOKEN_HEADER) or bearer
        return scope["path"] in METRICS_PATHS and matches_token(
            given, self._settings.internal_token
        )


def may_use(scope: Scope, task_type: str) -> bool:
    """Tell whether who calls may use a task type: yes, unless their key is bound to others."""
    key: ApiKey | None = scope["state"].get("api_key")
    return key is None or key.is_for(task_type)


def require_task_type(scope: Scope, task_type: str) -> None:
    """Refuse a task type that the caller may not use.

    Raises:
        ForbiddenError: If their key is bound to others.
    """
    if not may_use(scope, task_type):
        bound = ", ".join(sorted(scope["state"]["api_key"].task_types))
        raise ForbiddenError(f"This key isn't for task type {task_type!r}, only for: {bound}.")


async def require_a_key(settings: ManagerSettings) -> None:
    """See, before the Manager starts, that somebody can use it at all.

    A database that is away is no obstacle: until its keys are read, everybody is refused.

    Raises:
        UnprotectedError: If callers need a key and there is none.
    """
    if not (must_ask(settings) or settings.require_keys):
        return
    try:
        keys = await KeyStore(settings).load()
    except DatabaseUnavailableError:
        return
    if not keys:
        reason = name_exposure(settings) if must_ask(settings) else "REQUIRE_KEYS is set"
        raise UnprotectedError(
            f"Callers need a key ({reason}), and the database holds no valid one: {HOW_TO_MAKE} "
            "(with Compose: docker compose run --rm selfheal keys create NAME --scope serve)."
        )


def _refuse_key_in_url(path: str, query: bytes) -> None:
    """Refuse a key in the URL, which proxies, browsers and logs keep; whether it is valid or not.

    Raises:
        UnauthenticatedError: If there is one.
    """
    if (query and holds_key(unquote_to_bytes(query).decode("latin-1"))) or holds_key(path):
        raise UnauthenticatedError(
            "Never put a key into a URL, which is kept in logs on its way. Revoke this one, and "
            f"make another: selfheal keys revoke, selfheal keys create. {HOW_TO_SEND}."
        )
