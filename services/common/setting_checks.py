"""Checks of settings whose values are secrets: what is refused must not be repeated."""

from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

DATABASE_SCHEMES = ("postgresql", "postgres")
WEBHOOK_SCHEMES = ("http", "https")


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


def check_module_names(names: str) -> str:
    """Refuse what no module is called; the names are separated by commas."""
    modules = [name.strip() for name in names.split(",") if name.strip()]
    if not all(part.isidentifier() for module in modules for part in module.split(".")):
        raise ValueError("must be names of modules, separated by commas, as in numpy,pandas")
    return ",".join(dict.fromkeys(modules))


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
