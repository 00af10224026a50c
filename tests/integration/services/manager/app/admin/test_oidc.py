"""Sign-in at a stand-in OpenID provider: the right way, and every wrong one that we know."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest
from joserfc.jwk import RSAKey
from support.oidc_provider import CLIENT_ID, CLIENT_SECRET, StandIn, run_provider

from services.common.access.accounts import Account, change_account

Connection = asyncpg.Connection
StartConsole = Callable[..., Awaitable[Any]]
ROLES = "sre=approver,helpdesk=operator:code_generation+support,readers=viewer"


@pytest.fixture
def provider() -> Iterator[StandIn]:
    with run_provider() as provider:
        provider.claims = {"groups": ["sre"], "preferred_username": "alice"}
        yield provider


@pytest.fixture
async def console(provider: StandIn, start_console: StartConsole) -> Any:
    return await start_console(
        public_url="http://localhost:8003",
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_roles=ROLES,
    )


async def start(console: Any) -> dict[str, str]:
    answer = await console.call("POST", "/oidc/start")
    assert answer.status_code == 200, answer.text
    started: dict[str, str] = answer.json()
    return started


async def finish(
    console: Any, came_back: dict[str, str], started: dict[str, str]
) -> httpx.Response:
    body = {"binding": started["binding"], **came_back}
    answer: httpx.Response = await console.call("POST", "/oidc/finish", body)
    return answer


async def sign_in(console: Any, provider: StandIn, **claims: Any) -> httpx.Response:
    started = await start(console)
    answer = await finish(console, provider.sign_in(started["url"], **claims), started)
    if answer.status_code == 200:
        console.session = answer.json()["session"]
    return answer


def assert_refused(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (403, "sign_in_refused"), answer.text


async def test_who_has_a_mapped_group_gets_in_with_its_role(
    console: Any, provider: StandIn, connection: Connection, trusted: None
) -> None:
    view = await console.view()
    assert (view["person"], view["oidc"], view["password"]) == (None, True, False)
    answer = await sign_in(console, provider)
    assert answer.status_code == 200, answer.text
    assert answer.json()["person"] == {
        "name": "alice", "kind": "user", "scopes": ["read", "operate", "approve"],
        "task_types": None,
    }  # fmt: skip
    assert (await console.view())["person"]["name"] == "alice"
    row = await connection.fetchrow("SELECT * FROM selfheal.users")
    assert (row["issuer"], row["subject"]) == (provider.issuer, "subject-1")
    assert await connection.fetchval("SELECT COUNT(*) FROM selfheal.oidc_sign_ins") == 0
    audit = "SELECT person, object FROM selfheal.audit WHERE action = 'sign_in'"
    assert tuple(await connection.fetchrow(audit)) == ("alice", f"user {row['id']}")


async def test_the_browser_is_sent_with_what_a_thief_of_the_code_lacks(
    console: Any, provider: StandIn, connection: Connection
) -> None:
    asked = parse_qs(urlsplit((await start(console))["url"]).query)
    kept = await connection.fetchrow("SELECT * FROM selfheal.oidc_sign_ins")
    assert asked["nonce"] == [kept["nonce"]]
    assert kept["code_verifier"] not in str(asked)
    assert asked["state"][0] not in str(kept)
    assert asked["scope"] == ["openid profile"]


async def test_the_role_is_that_of_today_and_another_one_ends_earlier_sessions(
    console: Any, provider: StandIn
) -> None:
    await sign_in(console, provider)
    first = console.session
    console.session = ""
    person = (await sign_in(console, provider, groups=["helpdesk", "readers"])).json()["person"]
    assert (person["name"], person["scopes"]) == ("alice", ["read", "operate"])
    assert person["task_types"] == ["code_generation", "support"]
    console.session = first
    assert (await console.view())["person"] is None


@pytest.mark.parametrize("groups", [None, [], ["others"], "sre2", {"sre": 1}, 7])
async def test_without_a_mapped_claim_there_is_no_access_and_no_session_goes_on(
    groups: Any, console: Any, provider: StandIn
) -> None:
    await sign_in(console, provider)
    first = console.session
    console.session = ""
    answer = await sign_in(console, provider, groups=groups)
    assert_refused(answer)
    assert "OIDC_ROLES" in answer.json()["message"]
    console.session = first
    assert (await console.view())["person"] is None


async def test_another_subject_with_the_same_address_and_name_is_another_person(
    console: Any, provider: StandIn, make_account: Callable[..., Awaitable[Account]]
) -> None:
    await make_account("alice", "admin")
    same = {"email": "alice@example.com", "email_verified": True}
    names = [
        (await sign_in(console, provider, sub=sub, **same)).json()["person"]["name"]
        for sub in ("one", "two", "one")
    ]
    assert names == ["alice#2", "alice#3", "alice#2"]
    renamed = await sign_in(console, provider, sub="one", preferred_username="key:chatbot")
    assert renamed.json()["person"]["name"] == "alice#2"
    posing = await sign_in(console, provider, sub="three", preferred_username="local")
    assert posing.json()["person"]["name"] == "user-local"


async def test_a_disabled_person_stays_out(
    console: Any, provider: StandIn, connection: Connection
) -> None:
    await sign_in(console, provider)
    await change_account(
        connection, await connection.fetchval("SELECT id FROM selfheal.users"), is_disabled=True
    )
    assert (await console.view())["person"] is None
    console.session = ""
    for groups in (["sre"], ["readers"]):
        assert_refused(await sign_in(console, provider, groups=groups))


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": ["another-client", "third"]},
        {"aud": "another-client", "azp": CLIENT_ID},
        {"azp": "another-client"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"iat": 99_999_999_999},
        {"sub": None},
        {"sub": 7},
        {"at_hash": "AAAA"},
    ],
    ids=str,
)
async def test_a_claim_that_is_wrong_lets_nobody_in(
    claims: dict[str, Any], console: Any, provider: StandIn, connection: Connection
) -> None:
    assert_refused(await sign_in(console, provider, **claims))
    assert await connection.fetchval("SELECT COUNT(*) FROM selfheal.users") == 0
    failed = "SELECT after FROM selfheal.audit WHERE action = 'sign_in_failed'"
    assert (await connection.fetchval(failed))["reason"] == "sign_in_refused"


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_signature_that_anybody_could_make_lets_nobody_in(
    algorithm: str, console: Any, provider: StandIn
) -> None:
    """Not even where the provider says that it signs so."""
    provider.algorithm = algorithm
    assert_refused(await sign_in(console, provider))


async def test_a_key_of_the_same_id_that_isnt_the_providers_lets_nobody_in(
    console: Any, provider: StandIn
) -> None:
    await sign_in(console, provider)
    console.session = ""
    provider.forged_key = RSAKey.generate_key(2048)
    assert_refused(await sign_in(console, provider))


async def test_new_keys_are_fetched_when_they_are_first_seen(
    console: Any, provider: StandIn
) -> None:
    assert (await sign_in(console, provider)).status_code == 200
    console.session = ""
    assert (await sign_in(console, provider)).status_code == 200
    assert provider.fetched.count("/jwks") == 1
    assert len(provider.fetched) == 2
    provider.rotate()
    console.session = ""
    assert (await sign_in(console, provider)).status_code == 200
    assert provider.fetched.count("/jwks") == 2


async def test_a_state_is_good_once_in_the_browser_that_began_and_for_ten_minutes(
    console: Any, provider: StandIn, connection: Connection
) -> None:
    started = await start(console)
    came_back = provider.sign_in(started["url"])
    assert (await finish(console, came_back, started)).status_code == 200
    assert_refused(await finish(console, came_back, started))

    victim, attacker = await start(console), await start(console)
    assert_refused(await finish(console, provider.sign_in(attacker["url"]), victim))
    assert_refused(await finish(console, provider.sign_in(attacker["url"]), attacker))

    slow = await start(console)
    came_back = provider.sign_in(slow["url"])
    await connection.execute(
        "UPDATE selfheal.oidc_sign_ins SET created_at = NOW() - INTERVAL '601 seconds'"
    )
    assert_refused(await finish(console, came_back, slow))
    assert_refused(await finish(console, {**came_back, "state": "guess"}, slow))
    await start(console)
    assert await connection.fetchval("SELECT COUNT(*) FROM selfheal.oidc_sign_ins") == 1


@pytest.mark.parametrize("iss", ["https://evil.example", "", None])
async def test_an_answer_of_another_provider_is_refused(
    iss: str | None, console: Any, provider: StandIn
) -> None:
    """Mix-up: this provider says that it names itself in each answer."""
    started = await start(console)
    came_back = provider.sign_in(started["url"])
    if iss is None:
        del came_back["iss"]
    else:
        came_back["iss"] = iss
    assert_refused(await finish(console, came_back, started))


async def test_a_provider_that_never_names_itself_may_leave_it_out_and_not_lie(
    console: Any, provider: StandIn
) -> None:
    provider.document = {"authorization_response_iss_parameter_supported": False}
    started = await start(console)
    came_back = provider.sign_in(started["url"])
    assert_refused(await finish(console, {**came_back, "iss": "https://evil.example"}, started))
    started = await start(console)
    came_back = provider.sign_in(started["url"])
    del came_back["iss"]
    assert (await finish(console, came_back, started)).status_code == 200


async def test_a_code_that_was_begun_with_another_verifier_is_refused(
    console: Any, provider: StandIn
) -> None:
    """PKCE: a code that was stolen from another sign-in."""
    stolen = provider.sign_in((await start(console))["url"])
    started = await start(console)
    own = provider.sign_in(started["url"])
    assert_refused(await finish(console, {**own, "code": stolen["code"]}, started))


async def test_a_provider_that_fails_is_told(console: Any, provider: StandIn) -> None:
    provider.document = {"issuer": "https://evil.example"}
    answer = await console.call("POST", "/oidc/start")
    assert (answer.status_code, answer.json()["code"]) == (502, "oidc_failed")
    provider.document = {"token_endpoint": "http://127.0.0.1:9/token"}
    answer = await sign_in(console, provider)
    assert (answer.status_code, answer.json()["code"]) == (502, "oidc_failed")
    assert CLIENT_SECRET not in answer.text


async def test_without_an_id_token_nobody_gets_in(console: Any, provider: StandIn) -> None:
    provider.sends_id_token = False
    assert_refused(await sign_in(console, provider))


async def test_where_there_is_no_provider_that_is_told(start_console: StartConsole) -> None:
    console = await start_console()
    answer = await console.call("POST", "/oidc/start")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
