from datetime import UTC, datetime, timedelta

import pytest
from support.rows import for_each

from services.common.access.keys import ApiKey, find_key, generate_key, holds_key, mask_keys

NOW = datetime(2026, 1, 2, tzinfo=UTC)
MADE = generate_key()
OTHER = generate_key()
KEY_ID, SECRET = MADE.text.removeprefix("sh_").split("_", 1)
OTHER_ID, OTHER_SECRET = OTHER.text.removeprefix("sh_").split("_", 1)


def keep(**changes: object) -> dict[str, ApiKey]:
    kept: dict[str, object] = {
        "id": MADE.id,
        "secret_sha256": MADE.secret_sha256,
        "name": "chatbot",
        "scopes": frozenset({"serve"}),
    }
    return {MADE.id: ApiKey(**{**kept, **changes})}  # type: ignore[arg-type]


def test_a_key_is_found_by_its_text() -> None:
    found = find_key(MADE.text, keep())
    assert found is not None
    assert found.name == "chatbot"


def test_no_two_keys_are_the_same_and_no_secret_is_shown_or_kept() -> None:
    assert MADE.text != OTHER.text
    assert SECRET not in repr(MADE) + repr(keep())
    assert MADE.secret_sha256 != SECRET.encode()
    assert len(MADE.secret_sha256) == 32


@for_each(
    [
        "",
        "sh_",
        "sh__",
        f"sh_{KEY_ID}",
        f"sh_{KEY_ID}_",
        MADE.text[:-1],
        MADE.text[:20],
        MADE.text + "A",
        MADE.text + "\n",
        f" {MADE.text}",
        MADE.text.upper(),
        MADE.text.replace("sh_", "sk_"),
        f"sh_{KEY_ID}_{OTHER_SECRET}",
        f"sh_{OTHER_ID}_{SECRET}",
        OTHER.text,
        f"sh_{KEY_ID}_{MADE.secret_sha256.hex()}",
        f"sh_{KEY_ID}_" + "\u0661" * 43,
        f"sh_{KEY_ID}_{'A' * 1_000_000}",
        f"{MADE.text},{MADE.text}",
    ],
    name=lambda text: text[:60],
)
def test_any_other_text_is_no_key(text: str) -> None:
    assert find_key(text, keep()) is None


def test_an_expired_key_is_refused_from_that_very_moment_on() -> None:
    known = keep(expires_at=NOW)
    assert find_key(MADE.text, known, now=NOW - timedelta(microseconds=1)) is not None
    assert find_key(MADE.text, known, now=NOW) is None


@pytest.mark.parametrize(
    ("scopes", "asked", "allowed"),
    [
        ({"serve"}, "serve", True),
        ({"serve"}, "read", False),
        ({"serve", "read"}, "read", True),
        ({"admin"}, "serve", True),
        ({"admin"}, "approve", True),
        ({"approve"}, "admin", False),
        (set(), "serve", False),
    ],
)
def test_admin_includes_all_and_nothing_else_includes_anything(
    scopes: set[str], asked: str, allowed: bool
) -> None:
    assert keep(scopes=frozenset(scopes))[MADE.id].allows(asked) is allowed


def test_a_key_that_is_bound_is_for_its_task_types_alone() -> None:
    assert keep()[MADE.id].is_for("anything")
    bound = keep(task_types=frozenset({"poetry"}))[MADE.id]
    assert bound.is_for("poetry")
    assert not bound.is_for("code_generation")
    assert not keep(task_types=frozenset())[MADE.id].is_for("poetry")


def test_a_key_is_blanked_wherever_it_stands() -> None:
    text = f"GET /x?a={MADE.text}&b={OTHER.text[:-5]}: not found, ssh_config"
    assert holds_key(text)
    assert mask_keys(text) == "GET /x?a=sh_***&b=sh_***: not found, ssh_config"
    assert not holds_key("ssh_config sh_ sh_abc")
