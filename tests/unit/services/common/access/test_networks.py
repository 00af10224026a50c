import pytest

from services.common.access.networks import is_console_public, is_exposed, must_ask
from services.common.config import ConsoleSettings
from services.common.settings.process import ServiceSettings


def make(**values: object) -> ServiceSettings:
    return ServiceSettings(_env_file=None, **values)  # type: ignore[arg-type, call-arg]


@pytest.mark.parametrize(
    ("bind_host", "published_host", "exposed"),
    [
        ("127.0.0.1", None, False),
        ("127.9.8.7", None, False),
        ("localhost", None, False),
        ("LOCALHOST", None, False),
        ("::1", None, False),
        ("[::1]", None, False),
        ("::ffff:127.0.0.1", None, False),
        ("0.0.0.0", None, True),
        ("::", None, True),
        ("::ffff:0.0.0.0", None, True),
        ("192.0.2.7", None, True),
        ("fe80::1", None, True),
        ("localhost.example.com", None, True),
        ("my-machine", None, True),
        ("0.0.0.0", "127.0.0.1", False),
        ("0.0.0.0", "[::1]", False),
        ("0.0.0.0", "0.0.0.0", True),
        ("0.0.0.0", "192.0.2.7", True),
        ("127.0.0.1", "0.0.0.0", True),
    ],
)
def test_what_others_reach(bind_host: str, published_host: str | None, exposed: bool) -> None:
    settings = make(bind_host=bind_host, published_host=published_host)
    assert is_exposed(settings) is exposed
    assert must_ask(settings) is exposed
    assert not must_ask(settings.model_copy(update={"allow_open": "yes-i-know"}))


@pytest.mark.parametrize("value", ["yes", "true", "1", "YES-I-KNOW", "yes-i-know "])
def test_the_way_round_is_one_word_and_no_other(value: str) -> None:
    with pytest.raises(ValueError, match="yes-i-know"):
        make(allow_open=value)


@pytest.mark.parametrize(
    ("values", "public"),
    [
        ({}, False),
        ({"bind_host": "0.0.0.0"}, False),
        ({"console_bind_host": "0.0.0.0"}, True),
        ({"console_bind_host": "0.0.0.0", "console_published_host": "127.0.0.1"}, False),
        ({"console_published_host": "192.0.2.7"}, True),
        ({"public_url": "http://localhost:8003"}, False),
        ({"public_url": "http://[::1]:8003"}, False),
        ({"public_url": "https://heal.example.com"}, True),
    ],
)
def test_who_reaches_the_console(values: dict[str, str], public: bool) -> None:
    settings = ConsoleSettings(_env_file=None, **values)  # type: ignore[arg-type, call-arg]
    assert is_console_public(settings) is public
