"""The rule for networks: what only this machine reaches is open, anything else asks who calls."""

from ipaddress import IPv6Address, ip_address

from services.common.config import ServiceSettings
from services.common.errors import ServiceError


class UnprotectedError(ServiceError):
    """Others could reach the service, and it has nothing to know its callers by."""

    code = "unprotected"


def is_exposed(settings: ServiceSettings) -> bool:
    """Tell whether others than this machine reach a service.

    Where PUBLISHED_HOST says on which address of the host a container's port is published, that
    address counts, and not the one that is listened to inside. A host name other than localhost
    counts as reached by others: where it leads is known to the resolver alone.
    """
    host = settings.published_host or settings.bind_host
    if host.lower() == "localhost":
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return True
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return not (mapped or address).is_loopback


def must_ask(settings: ServiceSettings) -> bool:
    """Tell whether a service serves nobody whom it doesn't know."""
    return is_exposed(settings) and not settings.allow_open


def name_exposure(settings: ServiceSettings) -> str:
    """Say why others reach the service."""
    if settings.published_host:
        return f"it is published on {settings.published_host}"
    return f"BIND_HOST is {settings.bind_host}"
