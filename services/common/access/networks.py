"""The rule for networks: what only this machine reaches is open, anything else asks who calls."""

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

from services.common.config import ConsoleSettings
from services.common.errors import ServiceError
from services.common.settings.process import ServiceSettings


class UnprotectedError(ServiceError):
    """Others could reach the service, and it has nothing to know its callers by."""

    code = "unprotected"


def is_exposed(settings: ServiceSettings) -> bool:
    """Tell whether others than this machine reach a service.

    Where PUBLISHED_HOST says on which address of the host a container's port is published, that
    address counts, and not the one that is listened to inside. A host name other than localhost
    counts as reached by others: where it leads is known to the resolver alone.
    """
    return is_beyond_loopback(settings.published_host or settings.bind_host)


def is_console_public(settings: ConsoleSettings) -> bool:
    """Tell whether others than this machine reach the console, be it through a proxy in front."""
    public = urlsplit(settings.public_url).hostname
    listens_on = settings.console_published_host or settings.console_bind_host
    return is_beyond_loopback(listens_on) or (public is not None and is_beyond_loopback(public))


def is_beyond_loopback(host: str) -> bool:
    """Tell whether a host is anything else than this machine's own loopback."""
    address = read_address(host)
    return host.lower() != "localhost" if address is None else not address.is_loopback


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, IPv4's where it is spelled as one of IPv6; None where it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def must_ask(settings: ServiceSettings) -> bool:
    """Tell whether a service serves nobody whom it doesn't know."""
    return is_exposed(settings) and not settings.allow_open


def name_exposure(settings: ServiceSettings) -> str:
    """Say why others reach the service."""
    if settings.published_host:
        return f"it is published on {settings.published_host}"
    return f"BIND_HOST is {settings.bind_host}"
