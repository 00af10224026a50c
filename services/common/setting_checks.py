"""Checks of settings whose values may hold secrets: what is refused must not be repeated."""

import re
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

DATABASE_SCHEMES = ("postgresql", "postgres")
WEBHOOK_SCHEMES = ("http", "https")
BASE_URL_EXAMPLE = "write one such as https://api.example.com/v1"
# What surrounds an address that was pasted.
WRAPPING = " \t\r\n\"'`<>\ufeff\u200b\xa0"
LOOPBACK_HOST = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/|$)", re.I)


def check_base_url(text: str) -> str:
    """Mend the address of a model's API where it is plain what is meant, and refuse it otherwise.

    Blanks and quotes around it go, and so do a fragment, a slash at the end, and the path of the
    calls; an address on this machine may lack its scheme.
    """
    text = text.strip(WRAPPING)
    if not text:
        return ""
    if LOOPBACK_HOST.match(text):
        text = f"http://{text}"
    parts = _split_url(text)
    if parts.scheme not in WEBHOOK_SCHEMES or "://" not in text:
        raise ValueError(f"must begin with http:// or https://: {BASE_URL_EXAMPLE}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must hold no user and no password: put the key into LLM_API_KEY")
    if parts.query:
        raise ValueError(f"must end before the question mark: {BASE_URL_EXAMPLE}")
    port = parts.netloc.rpartition("]")[2].partition(":")[2]
    if not parts.hostname or (port and not port.isdecimal()):
        raise ValueError(f"must name a host, and a number as its port: {BASE_URL_EXAMPLE}")
    if not text.isprintable() or " " in text:
        raise ValueError(f"must hold no blank: {BASE_URL_EXAMPLE}")
    path = parts.path.rstrip("/").removesuffix("/completions").removesuffix("/chat")
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}"


def check_webhook_url(url: SecretStr | None) -> SecretStr | None:
    """Refuse what nothing could be posted to; an empty text counts as none."""
    text = url.get_secret_value().strip() if url else ""
    if not text:
        return None
    parts = _split_url(text)
    port = parts.netloc.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    is_well_formed = text.isprintable() and " " not in text and (not port or port.isdecimal())
    if parts.scheme not in WEBHOOK_SCHEMES or not parts.hostname or not is_well_formed:
        raise ValueError("must be a URL that begins with http:// or https://")
    return SecretStr(text)


def check_database_url(url: SecretStr) -> SecretStr:
    """Refuse what asyncpg could not parse."""
    parts = _split_url(url.get_secret_value())
    hosts = parts.netloc.rpartition("@")[2].split(",")
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts]
    if parts.scheme not in DATABASE_SCHEMES or not all(port.isdecimal() for port in ports if port):
        raise ValueError(
            "must look like postgresql://user:password@host:5432/name, with what is neither a "
            "letter nor a digit in the password percent-encoded"
        )
    return url


def _split_url(url: str) -> SplitResult:
    """Split a URL; a malformed one has no parts, since the parser's errors repeat it."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
