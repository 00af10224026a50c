"""A stand-in OpenID provider: signs in whom a test says, and lies as a test wants it to."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from support.http_server import JsonHandler, serving

CLIENT_ID = "selfheal"
CLIENT_SECRET = "the-client's-secret"
CALLBACK = "http://localhost:8003/sign-in/oidc/callback"


@cache
def make_key(number: int) -> RSAKey:
    """Make one of the providers' keys; each takes a tenth of a second, so they share them."""
    return RSAKey.generate_key(2048, {"kid": f"key-{number}"})


@dataclass
class StandIn:
    """What it is, whom it has signed in, and what it says of them."""

    issuer: str = ""
    keys: list[RSAKey] = field(default_factory=list)
    # By code: what the browser was sent with, and the claims to sign.
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    # Signs under the name of the published one.
    forged_key: RSAKey | None = None
    sends_id_token: bool = True
    fetched: list[str] = field(default_factory=list)
    rotations: int = 0

    def rotate(self) -> None:
        """Sign with another key from now on, and forget the one before."""
        self.rotations += 1
        self.keys = [make_key(self.rotations)]

    def sign_in(self, url: str, **claims: Any) -> dict[str, str]:
        """Do what a person does at the provider's page; gives what the browser comes back with."""
        asked = dict(parse_qsl(urlsplit(url).query))
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert asked["redirect_uri"] == CALLBACK
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked | {"claims": {**self.claims, **claims}}
        return {"state": asked["state"], "code": code, "iss": self.issuer}

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Answer at the token endpoint, where each code is good once."""
        known = self.codes.pop(form["code"], None)
        credentials = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != f"Basic {credentials}":
            return 401, {"error": "invalid_client"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if known is None or known["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        answer = {"access_token": "opaque", "token_type": "Bearer", "expires_in": 60}
        if self.sends_id_token:
            answer["id_token"] = self.sign(known)
        return 200, answer

    def sign(self, known: dict[str, Any]) -> str:
        """Sign the claims, by the algorithm that the test chose."""
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "subject-1", "nonce": known["nonce"],
            "iat": now, "exp": now + 60, **known["claims"],
        }  # fmt: skip
        header = {"alg": self.algorithm, "kid": self.keys[0].kid}
        if self.algorithm == "RS256":
            return jwt.encode(header, claims, self.forged_key or self.keys[0])
        # By hand, since no library signs like that.
        signed = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
        public = self.keys[0].as_pem(private=False)
        mac = hmac.digest(public, signed.encode(), "sha256") if self.algorithm == "HS256" else b""
        return f"{signed}.{_encode(mac)}"


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def run_provider() -> Iterator[StandIn]:
    """Serve a provider on a free port."""
    provider = StandIn()
    provider.rotate()

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            provider.fetched.append(self.path)
            if self.path == "/jwks":
                content: Any = {"keys": [key.as_dict(private=False) for key in provider.keys]}
            else:
                content = {
                    "issuer": provider.issuer,
                    "authorization_endpoint": f"{provider.issuer}/authorize",
                    "token_endpoint": f"{provider.issuer}/token",
                    "jwks_uri": f"{provider.issuer}/jwks",
                    "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                    "authorization_response_iss_parameter_supported": True,
                    **provider.document,
                }
            self.answer(200, json.dumps(content).encode())

        def do_POST(self) -> None:
            form = {name: value for name, [value] in parse_qs(self.body().decode()).items()}
            status, answer = provider.redeem(form, self.headers["Authorization"])
            self.answer(status, json.dumps(answer).encode())

    with serving(Handler) as url:
        provider.issuer = url
        yield provider
