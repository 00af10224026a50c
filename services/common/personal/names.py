"""Names people as they are stored: by a keyed hash, since names can be tried on any other."""

import hashlib
import hmac

from pydantic import SecretStr

from services.common.text import make_storable


def hash_name(name: str, key: SecretStr | None) -> str:
    """Return a name's HMAC-SHA256 (RFC 2104), in 64 hexadecimal digits.

    Args:
        key: END_USER_KEY; without one it is the plain SHA-256, which anybody can compute.
    """
    content = name.encode("utf-8", "replace")
    if not key:
        return hashlib.sha256(content).hexdigest()
    return hmac.digest(key.get_secret_value().encode(), content, "sha256").hex()


def list_stored_names(name: str, key: SecretStr | None) -> list[str]:
    """List what a person may be stored as: by the key, as before there was one, and in plain."""
    plain = make_storable(name)
    return list(dict.fromkeys((hash_name(name, key), hash_name(name, None), plain)))
