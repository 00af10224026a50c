"""An OpenID provider: where it sends a browser, and what its word about somebody is worth."""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpx2
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from services.common.errors import ForbiddenError, ServiceError
from services.common.http import is_own_address
from services.common.settings.people import PeopleSettings

CALLBACK_PATH: Final = "/sign-in/oidc/callback"
TIMEOUT_SECONDS: Final = 10.0
DOCUMENT_SECONDS: Final = 3_600.0
LEEWAY_SECONDS: Final = 60
# Those by which a key that is public can't sign.
ALGORITHMS: Final = frozenset(
    "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split()
)
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderError(ServiceError):
    """The provider can't be reached, or what it says makes no sense."""

    status_code = 502
    code = "oidc_failed"


class SignInRefusedError(ForbiddenError):
    """What came back from the provider doesn't let anybody in."""

    code = "sign_in_refused"


@dataclass(frozen=True, slots=True)
class Begun:
    """What has to be known again when the browser comes back."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)


@cache
def _open_trust(trust_env: bool) -> ssl.SSLContext:
    """Read the certificates to trust, once: each client would read all of them anew."""
    return httpx2.create_ssl_context(trust_env=trust_env)


class Provider:
    """Speaks to the provider that OIDC_ISSUER names; its documents are kept for an hour."""

    def __init__(self, settings: PeopleSettings) -> None:
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        secret = settings.oidc_client_secret
        self._client_secret = secret.get_secret_value() if secret else None
        self._redirect_uri = settings.public_url + CALLBACK_PATH
        # A provider on this machine is reached past the proxy that the environment names.
        self._trust_env = not is_own_address(self._issuer)
        self._document: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at = 0.0

    def _choose_options(self) -> dict[str, Any]:
        verify = _open_trust(self._trust_env)
        return {"timeout": TIMEOUT_SECONDS, "trust_env": self._trust_env, "verify": verify}

    async def write_url(self, begun: Begun) -> str:
        """Return where to send a browser that signs in.

        Raises:
            ProviderError: If the provider's document can't be read.
        """
        document = await self._read_document()
        async with self._open_client(document) as client:
            url: str
            url, _ = client.create_authorization_url(
                document["authorization_endpoint"],
                state=begun.state,
                nonce=begun.nonce,
                code_verifier=begun.code_verifier,
            )
        return url

    async def identify(self, begun: Begun, *, code: str, iss: str | None) -> dict[str, Any]:
        """Return the claims of who came back with a code, whose issuer and subject are checked.

        Args:
            begun: What the browser was sent away with.
            code: What it came back with.
            iss: Which provider it says it comes from (RFC 9207).

        Raises:
            ProviderError: If the provider can't be reached, or fails.
            SignInRefusedError: If anything isn't as it has to be.
        """
        document = await self._read_document()
        must_say = bool(document.get("authorization_response_iss_parameter_supported"))
        if iss != document["issuer"] and (iss is not None or must_say):
            raise SignInRefusedError("The answer comes from another provider than the one asked.")
        async with self._open_client(document) as client:
            try:
                token = await client.fetch_token(
                    document["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=begun.code_verifier,
                )
            except OAuthError as error:
                raise SignInRefusedError("The provider doesn't accept the code.") from error
            except (httpx2.HTTPError, ValueError) as error:
                raise _failure("its token endpoint", error) from error
        return await self._check(token, document, begun.nonce)

    async def _check(
        self, token: Mapping[str, Any], document: Mapping[str, Any], nonce: str
    ) -> dict[str, Any]:
        """Check the ID token by OpenID Connect Core 3.1.3.7."""
        if not isinstance(token.get("id_token"), str):
            raise SignInRefusedError("The provider sent no ID token: is `openid` allowed there?")
        try:
            signed = await self._verify(token["id_token"], document)
            claims = CodeIDToken(
                signed.claims,
                signed.header,
                {
                    "iss": {"essential": True, "value": document["issuer"]},
                    "aud": {"essential": True, "value": self._client_id},
                    "sub": {"essential": True},
                },
                {
                    "nonce": nonce,
                    "client_id": self._client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError) as error:
            raise SignInRefusedError(
                f"The provider's word isn't valid ({type(error).__name__})."
            ) from error
        if not isinstance(claims["sub"], str):
            raise SignInRefusedError("The provider names no subject.")
        return dict(claims)

    async def _verify(self, id_token: str, document: Mapping[str, Any]) -> jwt.Token:
        """Check the signature; keys that aren't known may be new, and are asked for once."""
        supported = document.get("id_token_signing_alg_values_supported") or ["RS256"]
        registry = JWSRegistry(
            algorithms=sorted(ALGORITHMS.intersection(supported)), strict_check_header=False
        )
        is_new = self._keys is None
        keys = self._keys or await self._read_keys(document)
        try:
            return jwt.decode(id_token, keys, registry=registry)
        except (InvalidKeyIdError, BadSignatureError):
            if is_new:
                raise
        return jwt.decode(id_token, await self._read_keys(document), registry=registry)

    async def _read_document(self) -> dict[str, Any]:
        if self._document and time.monotonic() - self._read_at < DOCUMENT_SECONDS:
            return self._document
        document = await self._fetch(f"{self._issuer}/.well-known/openid-configuration")
        if str(document.get("issuer")).rstrip("/") != self._issuer:
            raise ProviderError("The provider's document is of another issuer than OIDC_ISSUER.")
        if not all(isinstance(document.get(name), str) for name in ENDPOINTS):
            raise ProviderError(f"The provider's document lacks one of: {', '.join(ENDPOINTS)}.")
        self._document, self._keys, self._read_at = document, None, time.monotonic()
        return document

    async def _read_keys(self, document: Mapping[str, Any]) -> KeySet:
        found = await self._fetch(document["jwks_uri"])
        try:
            keys = [key for key in found["keys"] if key.get("kty") != "oct"]
            self._keys = KeySet.import_key_set({"keys": keys})
        except (JoseError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise _failure("its keys", error) from error
        return self._keys

    async def _fetch(self, url: str) -> dict[str, Any]:
        try:
            async with httpx2.AsyncClient(**self._choose_options()) as client:
                response = await client.get(url)
                response.raise_for_status()
                found = response.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise _failure("its documents", error) from error
        if not isinstance(found, dict):
            raise ProviderError("The provider's document isn't a JSON object.")
        return found

    def _open_client(self, document: Mapping[str, Any]) -> AsyncOAuth2Client:
        methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        by_secret = (
            "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        )
        return AsyncOAuth2Client(
            client_id=self._client_id,
            client_secret=self._client_secret,
            token_endpoint_auth_method=by_secret if self._client_secret else "none",
            scope="openid profile",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            **self._choose_options(),
        )


def _failure(what: str, error: Exception) -> ProviderError:
    return ProviderError(f"The provider can't be asked for {what} ({type(error).__name__}).")
