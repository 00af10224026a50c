"""Health probe of a container: exits 0 when the service on this machine's port is ready.

Bare sockets, since it runs every few seconds and an HTTP client takes longer to import than to use.
"""

import socket
import sys

TIMEOUT_SECONDS = 2.0
LOOPBACK = "127.0.0.1"
REQUEST = "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def is_ready(port: int, path: str) -> bool:
    """Tell whether a GET is answered with 200."""
    try:
        with socket.create_connection((LOOPBACK, port), TIMEOUT_SECONDS) as connection:
            connection.settimeout(TIMEOUT_SECONDS)
            connection.sendall(REQUEST.format(path=path).encode())
            status_line = connection.makefile("rb").readline()
    except OSError:
        return False
    return status_line.split()[1:2] == [b"200"]


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(sys.argv[1]), sys.argv[2]) else 1)
