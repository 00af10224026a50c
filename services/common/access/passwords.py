"""Passwords of local accounts: what is kept of one, and whether one is right."""

import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_CHARACTERS: Final = 12
_HASHER: Final = PasswordHasher()


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password; takes 64 MiB."""
    return _HASHER.hash(_spell(password))


def is_right_password(kept: str | None, password: str) -> bool:
    """Tell whether this is the password of which `kept` is the hash.

    Without a hash it isn't, which takes as long to find out.
    """
    try:
        return _HASHER.verify(kept or _hash_of_nothing(), _spell(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Tell whether a hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def _hash_of_nothing() -> str:
    """Write a hash that no password is known to have, at the price of today's parameters."""
    cost = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${cost}${'A' * 22}${'A' * 43}"  # 16 and 32 bytes of zeros


def _spell(password: str) -> bytes:
    """Spell a password as bytes, alike from every keyboard."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
