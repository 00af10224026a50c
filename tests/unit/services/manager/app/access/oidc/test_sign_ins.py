"""Settings of an OpenID provider that make no sense keep the Manager from starting."""

from typing import Any

import pytest
from support.rows import for_each

from services.common.access.networks import UnprotectedError
from services.common.config import ManagerSettings
from services.common.database import Database
from services.manager.app.access.oidc.sign_ins import OidcSignIns

GOOD = {
    "oidc_issuer": "https://idp.example", "oidc_client_id": "x", "oidc_roles": "sre=admin",
    "public_url": "https://heal.example",
}  # fmt: skip


def create(**changes: Any) -> OidcSignIns:
    settings = ManagerSettings(_env_file=None, **(GOOD | changes))  # type: ignore[call-arg]
    return OidcSignIns(settings, Database("postgresql://x@localhost/x", timeout_seconds=1))


@for_each([
    ({"oidc_roles": ""}, "OIDC_ROLES: it names no role"),
    ({"oidc_roles": "sre=root"}, "OIDC_ROLES: 'sre=root' has the role 'root'"),
    ({"oidc_client_id": ""}, "OIDC_CLIENT_ID isn't"),
    ({"public_url": ""}, "PUBLIC_URL must begin with https"),
    ({"public_url": "http://heal.example"}, "PUBLIC_URL must begin with https"),
    ({"oidc_issuer": "http://idp.example"}, "OIDC_ISSUER must begin with https"),
    ({"oidc_issuer": "http://localhost.evil.example"}, "OIDC_ISSUER must begin with https"),
])  # fmt: skip
def test_what_is_wrong_is_said(row: tuple[dict[str, str], str]) -> None:
    changes, sentence = row
    with pytest.raises(UnprotectedError, match=sentence):
        create(**changes)


def test_on_this_machine_no_https_is_needed() -> None:
    create(oidc_issuer="http://127.0.0.1:5556", public_url="http://localhost:8003")
    create()
