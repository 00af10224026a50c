"""Keys of clients: their form, what is kept of one, and what it lets its holder do.

A key is `sh_<id>_<secret>`, and a session of a person `ses_<secret>`. Of the secret, which has 256
random bits, only the SHA-256 is kept.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

KEY_PREFIX = "sh_"
SESSION_PREFIX = "ses_"
ID_BYTES = 6
SECRET_BYTES = 32
_KEY = re.compile(r"sh_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_ANYWHERE = re.compile(
    r"(sh_)[0-9a-f]{12}_[A-Za-z0-9_-]*|(?<![A-Za-z0-9_-])(ses_)[A-Za-z0-9_-]{20,}", re.ASCII
)
# Compared with where no key has the id, so that it takes the same time.
_NO_DIGEST = bytes(32)


class KeyScope(StrEnum):
    """What a key lets its holder do; `admin` includes all the others."""

    SERVE = "serve"
    FEEDBACK = "feedback"
    READ = "read"
    OPERATE = "operate"
    APPROVE = "approve"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key.

    Attributes:
        task_types: Those that it is bound to; None for all.
        expires_at: From when on it is refused; None for never.
    """

    id: str
    secret_sha256: bytes = field(repr=False)
    name: str
    scopes: frozenset[str]
    task_types: frozenset[str] | None = None
    expires_at: datetime | None = None

    def allows(self, scope: str) -> bool:
        """Tell whether its holder may do what the scope stands for."""
        return scope in self.scopes or KeyScope.ADMIN in self.scopes

    def is_for(self, task_type: str) -> bool:
        """Tell whether its holder may use the task type."""
        return self.task_types is None or task_type in self.task_types

    def has_expired(self, now: datetime) -> bool:
        """Tell whether it is past its time."""
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: the only moment in which its text is known."""

    id: str
    text: str = field(repr=False)
    secret_sha256: bytes = field(repr=False)


def generate_key() -> NewKey:
    """Make a key that nobody can guess."""
    key_id = secrets.token_hex(ID_BYTES)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    return NewKey(key_id, f"{KEY_PREFIX}{key_id}_{secret}", hash_secret(secret))


def read_key(text: str) -> NewKey | None:
    """Read a key that was made elsewhere; None where the text is none."""
    parsed = _KEY.fullmatch(text)
    return NewKey(parsed[1], text, hash_secret(parsed[2])) if parsed else None


def generate_session() -> str:
    """Make the secret of a session that nobody can guess."""
    return f"{SESSION_PREFIX}{secrets.token_urlsafe(SECRET_BYTES)}"


def hash_secret(secret: str) -> bytes:
    """Return what is kept of a secret that has 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def holds_key(text: str) -> bool:
    """Tell whether a key or a session of ours stands anywhere in a text, be it whole or cut."""
    is_possible = KEY_PREFIX in text or SESSION_PREFIX in text
    return is_possible and _ANYWHERE.search(text) is not None


def mask_keys(text: str) -> str:
    """Blank out every key and every session of ours in a text."""
    if KEY_PREFIX not in text and SESSION_PREFIX not in text:
        return text
    return _ANYWHERE.sub(lambda found: f"{found[1] or found[2]}***", text)


def find_key(text: str, known: dict[str, ApiKey], *, now: datetime | None = None) -> ApiKey | None:
    """Return the key whose text this is: one that is known, with its own secret, and in time.

    Takes as long for an id that isn't known as for a wrong secret.
    """
    parsed = _KEY.fullmatch(text)
    if parsed is None:
        return None
    key_id, secret = parsed.groups()
    key = known.get(key_id)
    matches = hmac.compare_digest(hash_secret(secret), key.secret_sha256 if key else _NO_DIGEST)
    if key is None or not matches or key.has_expired(now or datetime.now(UTC)):
        return None
    return key
