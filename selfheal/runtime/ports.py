"""Whether a TCP port on 127.0.0.1 is free, and who holds it if it isn't."""

import errno
import socket

import psutil

from selfheal.runtime.errors import PortTakenError

LOOPBACK = "127.0.0.1"
_WILDCARDS = frozenset({LOOPBACK, "0.0.0.0", "::", "::1", "::ffff:127.0.0.1"})  # noqa: S104
_COMMAND_LENGTH = 60


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port at this moment.

    Raises:
        OSError: If binding fails for another reason than a taken port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


def find_free_port() -> int:
    """Let the operating system choose a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def find_listener(port: int) -> psutil.Process | None:
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
            and local.ip in _WILDCARDS
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


def require_free_port(port: int, *, setting: str) -> None:
    """Check that no program listens on the port.

    Args:
        port: The port that is needed.
        setting: Name of the setting that moves it.

    Raises:
        PortTakenError: If the port is taken.
    """
    if is_free(port):
        return
    holder = find_listener(port)
    raise PortTakenError(
        port=port, setting=setting, holder=describe_process(holder) if holder else None
    )
