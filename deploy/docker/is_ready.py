"""Health probe of a container: exits 0 when the service on this machine's port is ready.

Bare sockets, since it runs every few seconds and an HTTP client takes longer to import than to use.
With `--wait` it goes on until the service is ready, 20 seconds at most: Compose runs it so when a
container has started, and `docker compose up -d` returns to somebody who can send a request.

    python is_ready.py PORT PATH [--wait]
"""

import socket
import sys
import time

TIMEOUT_SECONDS = 2.0
WAIT_SECONDS = 20.0
POLL_SECONDS = 0.05
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


def wait_until_ready(port: int, path: str) -> None:
    """Poll until it is ready; one that isn't in time is left to the health check to tell."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_ready(port, path) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def main() -> int:
    """Run from the command line."""
    port, path, *options = sys.argv[1:]
    if options:
        wait_until_ready(int(port), path)
        return 0
    return 0 if is_ready(int(port), path) else 1


if __name__ == "__main__":
    sys.exit(main())
