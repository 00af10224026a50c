"""Whether a TCP port is free, and who holds it if it isn't."""

import errno
import socket

import psutil

from selfheal.runtime.errors import EmbeddedRuntimeError, PortTakenError

LOOPBACK = "127.0.0.1"
_WILDCARDS = frozenset({LOOPBACK, "0.0.0.0", "::", "::1", "::ffff:127.0.0.1"})  # noqa: S104
_COMMAND_LENGTH = 60


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on the port at this moment.

    Raises:
        EmbeddedRuntimeError: If it couldn't for another reason than that the port is taken.
    """
    try:
        for family, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:  # asyncio's servers serve one family each
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(place)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        raise EmbeddedRuntimeError(
            f"Nothing can listen on port {port} of {host}: {error.strerror}.",
            remedy="Ports below 1024 need root: choose another one in .env."
            if error.errno == errno.EACCES
            else "Set BIND_HOST to an address of this machine, such as 127.0.0.1, ::1 or 0.0.0.0.",
        ) from error
    return True


def find_listener(port: int, host: str = LOOPBACK) -> psutil.Process | None:
    """Find the process that listens on the port, if we are allowed to know it."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS tells only root
        return None
    for connection in connections:
        local = connection.laddr
        if (
            local
            and connection.status == psutil.CONN_LISTEN
            and connection.pid is not None
            and local.port == port
            and local.ip in _WILDCARDS | {host}
        ):
            try:
                return psutil.Process(connection.pid)
            except psutil.NoSuchProcess:
                return None
    return None


def describe_process(process: psutil.Process) -> str:
    """Word a process for a person: its command, shortened, and its pid."""
    try:
        command = " ".join(process.cmdline()) or process.name()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return f"pid {process.pid}"
    if len(command) > _COMMAND_LENGTH:
        command = command[: _COMMAND_LENGTH - 1] + "…"
    return f"`{command}` (pid {process.pid})"


def require_free_port(port: int, *, setting: str, host: str = LOOPBACK) -> None:
    """Check that no program listens on the port, which a setting moves.

    Raises:
        EmbeddedRuntimeError: If nothing can listen there.
        PortTakenError: If the port is taken.
    """
    if is_free(port, host):
        return
    holder = find_listener(port, host)
    raise PortTakenError(
        port=port, setting=setting, host=host, holder=describe_process(holder) if holder else None
    )
