"""Sign-ins at a provider, from the browser's departure to its return."""

import hmac
import secrets
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from services.common.access.accounts import Account, keep_subject
from services.common.access.keys import hash_secret
from services.common.access.networks import UnprotectedError
from services.common.admin.schemas import OidcFinish, OidcStart
from services.common.database import Database
from services.common.setting_checks import LOOPBACK_HOST
from services.common.settings.people import PeopleSettings
from services.common.text import make_storable
from services.manager.app.access.oidc.provider import Begun, Provider, SignInRefusedError
from services.manager.app.access.oidc.roles import (
    RoleRule,
    choose_role,
    read_claim,
    read_role_rules,
)

KEEP: Final = timedelta(minutes=10)
INSERT: Final = """
    INSERT INTO selfheal.oidc_sign_ins (state_sha256, binding_sha256, nonce, code_verifier)
    VALUES ($1, $2, $3, $4)
"""
# Whatever comes of it: a state is used once.
TAKE: Final = """
    DELETE FROM selfheal.oidc_sign_ins WHERE state_sha256 = $1
    RETURNING binding_sha256, nonce, code_verifier, created_at > NOW() - $2::interval AS is_fresh
"""
SWEEP: Final = "DELETE FROM selfheal.oidc_sign_ins WHERE created_at <= NOW() - $1::interval"
# Of somebody who has no role any more.
END_SESSIONS: Final = """
    UPDATE selfheal.sessions AS s SET ended_at = NOW() FROM selfheal.users AS u
    WHERE u.id = s.user_id AND u.issuer = $1 AND u.subject = $2 AND s.ended_at IS NULL
"""
NAME_CLAIMS: Final = ("preferred_username", "name", "email")
UNKNOWN_STATE: Final = (
    "This sign-in isn't known, was used already, took longer than ten minutes, or was begun in "
    "another browser. Begin again."
)


class OidcSignIns:
    """Sends people to the provider, and knows them by its issuer and their subject."""

    def __init__(self, settings: PeopleSettings, database: Database) -> None:
        """Check the settings.

        Raises:
            UnprotectedError: If they make no sense together.
        """
        self._rules = _check_settings(settings)
        self._claim = settings.oidc_role_claim
        self._database = database
        self._provider = Provider(settings)

    async def start(self) -> OidcStart:
        """Begin a sign-in.

        Raises:
            ProviderError: If the provider can't be asked.
        """
        begun = Begun(*(secrets.token_urlsafe(32) for _ in range(3)))
        binding = secrets.token_urlsafe(32)
        url = await self._provider.write_url(begun)
        async with self._database.connection() as connection:
            await connection.execute(SWEEP, KEEP)
            digests = hash_secret(begun.state), hash_secret(binding)
            await connection.execute(INSERT, *digests, begun.nonce, begun.code_verifier)
        return OidcStart(url=url, binding=binding)

    async def finish(self, came_back: OidcFinish) -> Account:
        """Return the account of who came back, with the role that their groups give them today.

        Raises:
            SignInRefusedError: If this browser began no such sign-in, what the provider says
                isn't valid, none of its groups is a role here, or the account is disabled.
            ProviderError: If the provider can't be asked.
        """
        begun = await self._take(came_back)
        claims = await self._provider.identify(begun, code=came_back.code, iss=came_back.iss)
        issuer, subject = make_storable(claims["iss"]), make_storable(claims["sub"])
        chosen = choose_role(self._rules, read_claim(claims, self._claim))
        async with self._database.connection() as connection:
            if chosen is None:
                await connection.execute(END_SESSIONS, issuer, subject)
                raise SignInRefusedError(
                    f"{self._claim!r} of your account at the provider gives you no role here. Ask "
                    "who runs this system to map one in OIDC_ROLES."
                )
            role, task_types = chosen
            account = await keep_subject(
                connection,
                issuer=issuer,
                subject=subject,
                name=make_storable(_find_name(claims)),
                role=role,
                task_types=task_types,
            )
        if account.disabled_at is not None:
            raise SignInRefusedError("This account is disabled here.")
        return account

    async def _take(self, came_back: OidcFinish) -> Begun:
        """Take a sign-in out of the table, once."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(TAKE, hash_secret(came_back.state), KEEP)
        given = hash_secret(came_back.binding)
        if (
            row is None
            or not row["is_fresh"]
            or not hmac.compare_digest(given, row["binding_sha256"])
        ):
            raise SignInRefusedError(UNKNOWN_STATE)
        return Begun(came_back.state, row["nonce"], row["code_verifier"])


def _check_settings(settings: PeopleSettings) -> list[RoleRule]:
    for name in ("oidc_issuer", "public_url"):
        url = getattr(settings, name)
        parts = urlsplit(url)
        if parts.scheme != "https" and not LOOPBACK_HOST.match(parts.netloc):
            raise UnprotectedError(
                f"To sign in at an OpenID provider, {name.upper()} must begin with https://."
            )
    if not settings.oidc_client_id:
        raise UnprotectedError("OIDC_ISSUER is set, and OIDC_CLIENT_ID isn't.")
    try:
        return read_role_rules(settings.oidc_roles)
    except ValueError as error:
        raise UnprotectedError(f"OIDC_ROLES: {error}.") from error


def _find_name(claims: dict[str, Any]) -> str:
    """Return what somebody is called; it says who did what, and never who somebody is."""
    names = [claims.get(name) for name in NAME_CLAIMS]
    return next((name for name in names if isinstance(name, str) and name), str(claims["sub"]))
