"""Checks of settings; of those whose values are secrets, what is refused must not be repeated."""

import os
import re
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from pydantic import SecretStr

DATABASE_SCHEMES = ("postgresql", "postgres")
WEBHOOK_SCHEMES = ("http", "https")
# Of the retention: a century.
MAX_DAYS = 36_500
# A share below this would never be judged.
LEAST_SHARE = 0.001
SHARE_DIGITS = 6
BASE_URL_EXAMPLE = "write one such as https://api.example.com/v1"
# What surrounds an address that was pasted.
WRAPPING = " \t\r\n\"'`<>\ufeff\u200b\xa0"
LOOPBACK_HOST = re.compile(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?(/|$)", re.I)
# Those of libpq's that asyncpg, or this system, can follow.
DATABASE_URL_OPTIONS = frozenset(
    """application_name connect_timeout dbname gsslib host krbsrvname options
    passfile password port service ssl_max_protocol_version ssl_min_protocol_version sslcert
    sslcrl sslkey sslmode sslnegotiation sslpassword sslrootcert target_session_attrs
    user""".split()
)


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
    if not parts.hostname or not _has_good_ports(text):
        raise ValueError(f"must name a host, and a number as its port: {BASE_URL_EXAMPLE}")
    if not text.isprintable() or " " in text:
        raise ValueError(f"must hold no blank: {BASE_URL_EXAMPLE}")
    path = parts.path.rstrip("/").removesuffix("/completions").removesuffix("/chat")
    return f"{parts.scheme}://{parts.netloc}{path.rstrip('/')}"


def check_model_specs(text: str) -> str:
    """Read models that are named one after another, and refuse what isn't `provider:model`."""
    specs = [spec.strip() for spec in text.split(",") if spec.strip()]
    for provider, _, model in (spec.partition(":") for spec in specs):
        if not (provider and model):
            raise ValueError("must name models as provider:model, with commas between them")
    return ",".join(spec[: spec.index(":")].lower() + spec[spec.index(":") :] for spec in specs)


def check_shares(text: str) -> str:
    """Refuse what isn't a list of growing shares that ends with 1; empty stays empty."""
    if not text.strip():
        return ""
    try:
        # The database keeps so many digits.
        shares = [round(float(part), SHARE_DIGITS) for part in text.split(",")]
    except ValueError:
        shares = []
    grows = all(low < high for low, high in pairwise([0.0, *shares]))
    if not shares or not grows or shares[0] < LEAST_SHARE or shares[-1] != 1:
        raise ValueError("must be growing shares of traffic that end with 1, such as 0.1,0.5,1")
    return ",".join(map(str, shares))


def check_token_file(file: Path | None) -> Path | None:
    """Refuse a file that can't be read."""
    if file and not (file.is_file() and os.access(file, os.R_OK)):
        raise ValueError("can't be read: write it with selfheal migrate --console-token-file")
    return file


def check_bind_host(host: str) -> str:
    """Refuse what is neither an address nor a host name; brackets are taken off."""
    host = host.strip().removeprefix("[").removesuffix("]")
    try:
        if not host or set(host) & set(":/@[] "):
            ip_address(host)
        host.encode("idna")
    except ValueError as error:
        raise ValueError("must be an address or a host name, without a port") from error
    return host


def name_in_url(bind_host: str) -> str:
    """Return how a URL names the host on which something listens, seen from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind_host, bind_host)  # noqa: S104
    return f"[{host}]" if ":" in host else host


def check_webhook_url(url: SecretStr | None) -> SecretStr | None:
    """Refuse what nothing could be posted to; an empty text counts as none."""
    text = url.get_secret_value().strip() if url else ""
    if not text:
        return None
    parts = _split_url(text)
    is_well_formed = text.isprintable() and " " not in text and _has_good_ports(text)
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
    """Refuse what asyncpg could not parse, or follow."""
    text = url.get_secret_value()
    parts = _split_url(text)
    is_query = not parts.query or all("=" in part for part in parts.query.split("&"))
    is_well_formed = _has_good_ports(text) and is_query and "@" not in parts.query
    if parts.scheme not in DATABASE_SCHEMES or not is_well_formed:
        raise ValueError(
            "must look like postgresql://user:password@host:5432/name, with what is neither a "
            "letter nor a digit in the password percent-encoded"
        )
    options = read_url_options(text)
    for name in options.keys() - DATABASE_URL_OPTIONS:
        raise ValueError(
            f"its option {name} isn't supported: take it out; a setting of the server's is "
            f"written as options=-c%20{name}%3Dvalue"
        )
    if not options.get("connect_timeout", "0").isdecimal():
        raise ValueError("its option connect_timeout must be a number of seconds")
    if options.get("sslrootcert") == "system":
        raise ValueError("its option sslrootcert must name a file")
    return url


def read_secret_file(secret: SecretStr | None, file: Path | None, name: str) -> SecretStr | None:
    """Return a secret, or what is in its file where only the file is named; None where neither is.

    Args:
        name: The setting's, which is the option's of `selfheal migrate` as well.

    Raises:
        ValueError: If the file can't be read.
    """
    if secret is not None or file is None:
        return secret
    try:
        return SecretStr(file.read_text(encoding="utf-8-sig").strip())
    except (OSError, UnicodeError) as error:
        raise ValueError(
            f"{name.upper()}_FILE can't be read ({type(error).__name__}): write it with "
            f"selfheal migrate --{name.replace('_', '-')}-file, or set {name.upper()} itself"
        ) from error


def check_optional_url(url: SecretStr | None) -> SecretStr | None:
    """Refuse what asyncpg could not parse, or follow, where there is a URL at all."""
    return check_database_url(url) if url else None


def complete_url(url: str, other: str) -> str:
    """Fill in what a database's URL leaves out (user, password, database, options) from another."""
    parts, others = _split_url(url), _split_url(other)
    user, _, place = parts.netloc.rpartition("@")
    user = user or others.netloc.rpartition("@")[0]
    options = read_url_options(other) | read_url_options(url)
    netloc = f"{user}@{place}" if user else place
    path = parts.path if parts.path.strip("/") else others.path
    return urlunsplit((parts.scheme, netloc, path, urlencode(options), ""))


def read_url_options(url: str) -> dict[str, str]:
    """Read what follows the `?` of a database's URL.

    Raises:
        ValueError: If a part of it has no `=`.
    """
    query = _split_url(url).query
    return dict(parse_qsl(query, strict_parsing=True)) if query else {}


def read_hosts(url: str) -> list[tuple[str, str]]:
    """Read the hosts of a URL, each with its port; empty where it names none."""
    entries = _split_url(url).netloc.rpartition("@")[2].split(",")
    places = [
        entry.rpartition(":") if ":" in entry.rpartition("]")[2] else (entry, "", "")
        for entry in entries
    ]
    return [(unquote(host.strip("[]")), port) for host, _, port in places if host]


def _has_good_ports(url: str) -> bool:
    return all(port.isdecimal() for _, port in read_hosts(url) if port)


def _split_url(url: str) -> SplitResult:
    """Split a URL; a malformed one has no parts, since the parser's errors repeat it."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
