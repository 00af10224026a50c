"""Landlock: takes every right over files, network and other processes from this process."""

import os
import struct

from . import kernel
from .syscall_numbers import Architecture

_QUERY_VERSION = 1
_ALL_NETWORK = 0b11  # bind and connect over TCP, since ABI 4
_ALL_SCOPES = 0b11  # abstract sockets and signals to processes outside, since ABI 6
# Each ABI adds rights over files: 13 at first, then refer, truncate, and ioctl of devices.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_SINCE_5 = 16


def ruleset_for(version: int) -> bytes:
    """Build the `struct landlock_ruleset_attr` that handles every right this ABI version knows."""
    files = (1 << _FILE_RIGHTS.get(version, _FILE_RIGHTS_SINCE_5)) - 1
    fields = [files]
    if version >= 4:  # noqa: PLR2004 - ABI versions
        fields.append(_ALL_NETWORK)
    if version >= 6:  # noqa: PLR2004
        fields.append(_ALL_SCOPES)
    return struct.pack(f"={len(fields)}Q", *fields)


def deny_everything(architecture: Architecture) -> int:
    """Handle every right and grant none. Needs no_new_privs.

    Returns:
        The version of Landlock's ABI that was used.

    Raises:
        OSError: If the kernel has no Landlock, or a container's rules forbid it.
    """
    create = architecture.numbers["landlock_create_ruleset"]
    version = kernel.syscall(create, None, 0, _QUERY_VERSION)
    attributes = ruleset_for(version)
    ruleset = kernel.syscall(create, attributes, len(attributes), 0)
    try:
        kernel.syscall(architecture.numbers["landlock_restrict_self"], ruleset, 0)
    finally:
        os.close(ruleset)
    return version
