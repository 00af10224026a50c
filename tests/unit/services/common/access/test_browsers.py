"""What a web page of another site can't do, and a browser can't be sent to."""

from typing import Any

import pytest
from support.rows import for_each

from services.common.access.browsers import (
    check_host,
    check_origin,
    is_own_path,
    list_own_hosts,
    make_csrf_token,
    matches_csrf_token,
    read_client_address,
    read_networks,
)
from services.common.errors import ForbiddenError

LOCAL = list_own_hosts(bind_host="127.0.0.1", public_url="")
PUBLIC = list_own_hosts(
    bind_host="192.0.2.7",
    public_url="https://Heal.example.com",
    allowed_hosts="manager, ,Agent.lan",
)
EVERYWHERE = list_own_hosts(bind_host="0.0.0.0", public_url="")


def scope(*pairs: tuple[str, str], client: Any = ("127.0.0.1", 1)) -> dict[str, Any]:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
    return {"type": "http", "headers": headers, "client": client}


@for_each([
    (LOCAL, "localhost"), (LOCAL, "LOCALHOST:8003"), (LOCAL, "127.0.0.1:8000"),
    (LOCAL, "127.1.2.3"), (LOCAL, "[::1]:8003"), (PUBLIC, "heal.example.com"),
    (PUBLIC, "heal.example.com:443"), (PUBLIC, "192.0.2.7:8000"), (PUBLIC, "manager:8000"),
    (PUBLIC, "agent.lan"), (PUBLIC, "localhost:1"), (EVERYWHERE, "198.51.100.1:8000"),
    (EVERYWHERE, "[2001:db8::1]"),
])  # fmt: skip
def test_own_names_are_let_through(row: tuple[Any, str]) -> None:
    own, host = row
    check_host(scope(("host", host)), own)


@for_each([
    (LOCAL, ""), (LOCAL, "evil.example"), (LOCAL, "198.51.100.1"),
    (LOCAL, "localhost.evil.example"),
    (LOCAL, "evil.example#localhost"), (LOCAL, "localhost:80:80"), (LOCAL, "localhost:"),
    (LOCAL, "user@localhost"), (LOCAL, "localhost/"), (LOCAL, "localhost."), (LOCAL, "[::1"),
    (LOCAL, "[::2]"), (LOCAL, "0.0.0.0"), (LOCAL, "127.0.0.1.nip.io"), (LOCAL, "local\u00e9"),
    (PUBLIC, "example.com"), (PUBLIC, "x.heal.example.com"), (PUBLIC, "192.0.2.8"),
    (EVERYWHERE, "evil.example"), (EVERYWHERE, "0.0.0.0.evil"),
])  # fmt: skip
def test_other_names_are_not(row: tuple[Any, str]) -> None:
    own, host = row
    with pytest.raises(ForbiddenError, match="ALLOWED_HOSTS"):
        check_host(scope(("host", host)), own)


def test_two_names_or_none_are_no_name() -> None:
    for pairs in ([], [("host", "localhost"), ("host", "localhost")]):
        with pytest.raises(ForbiddenError):
            check_host(scope(*pairs), LOCAL)


@for_each([
    {}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"},
    {"origin": "http://heal.example.com:8003"}, {"origin": "https://heal.example.com"},
    {"origin": "https://HEAL.example.com", "sec-fetch-site": "same-origin"},
])  # fmt: skip
def test_own_pages_and_programs_may_change_things(headers: dict[str, str]) -> None:
    check_origin(scope(("host", "heal.example.com:8003"), *headers.items()), PUBLIC)


@for_each([
    {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, {"origin": "null"},
    {"origin": "https://heal.example.com.evil.example"}, {"origin": "http://heal.example.com"},
    {"origin": "https://heal.example.com:8443"}, {"origin": "ftp://heal.example.com:8003"},
    {"origin": "heal.example.com:8003"}, {"origin": "https://"},
    {"sec-fetch-site": "same-origin, none"},
])  # fmt: skip
def test_other_sites_pages_may_not(headers: dict[str, str]) -> None:
    with pytest.raises(ForbiddenError, match="another site"):
        check_origin(scope(("host", "heal.example.com:8003"), *headers.items()), PUBLIC)


def test_without_a_public_url_no_origin_is_taken_for_it() -> None:
    with pytest.raises(ForbiddenError):
        check_origin(scope(("origin", "https://evil.example")), LOCAL)


def test_a_token_is_good_for_its_secret_alone_and_another_one_each_time() -> None:
    token = make_csrf_token("secret")
    assert matches_csrf_token(token, "secret")
    assert token != make_csrf_token("secret")
    nonce, _, signature = token.partition(".")
    for wrong in ("", ".", token + "x", token[:-1], f"x{token}", signature, f"{nonce}.", "é.é"):
        assert not matches_csrf_token(wrong, "secret"), wrong
    assert not matches_csrf_token(token, "another")
    assert not matches_csrf_token(make_csrf_token(""), "")


@for_each(["/", "/heals", "/heals/7?page=2&next=//x", "/a/b#c", "/%2F%2Fevil.example", "/~x[1]"])
def test_a_path_of_ours_is_one(path: str) -> None:
    assert is_own_path(path)


@for_each(["", "heals", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
           "/\t/evil.example", "/\n/evil.example", "https://evil.example", "javascript:alert(1)",
           " /heals", "/ /evil.example", "/\u2028", "/é", "/a//evil.example", "/x\x00",
           "/" + "a" * 2_000])  # fmt: skip
def test_another_sites_address_is_no_path_of_ours(path: str) -> None:
    """Open redirects."""
    assert not is_own_path(path)


@for_each([
    ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
    ("127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
    ("127.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
    ("::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9"),
    ("127.0.0.1", "", "127.0.0.1"), ("127.0.0.1", "unknown", "127.0.0.1"),
    ("127.0.0.1", "203.0.113.9, unknown", "127.0.0.1"), ("127.0.0.1", "10.0.0.2", "10.0.0.2"),
    ("203.0.113.1", "198.51.100.1", "203.0.113.1"), ("10.1.0.1", "2001:db8::1", "2001:db8::1"),
    (None, "203.0.113.9", ""),
])  # fmt: skip
def test_who_calls_is_what_the_last_trusted_proxy_saw(row: tuple[Any, str, str]) -> None:
    peer, forwarded, expected = row
    trusted = read_networks("127.0.0.0/8, 10.0.0.0/8")
    called = scope(("x-forwarded-for", forwarded), client=(peer, 1) if peer else None)
    assert read_client_address(called, trusted) == expected


def test_what_is_no_network_is_refused() -> None:
    for text in ("console", "10.0.0.1/8", "10.0.0.0/33"):
        with pytest.raises(ValueError, match=r"."):
            read_networks(text)
