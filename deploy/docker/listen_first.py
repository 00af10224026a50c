"""Listens on a service's port at once, then becomes the service, which takes a second to load.

`docker compose up -d` returns when containers have started. Without this, a request in the second
after it would be refused. The socket is handed on as systemd does it: sd_listen_fds(3).

    python listen_first.py PORT COMMAND ...
"""

import os
import socket
import sys

DESCRIPTOR = 3
BACKLOG = 2048


def main() -> None:
    """Listen on BIND_HOST and the port, and run the command with the socket as descriptor 3."""
    port, command = int(sys.argv[1]), sys.argv[2:]
    host = os.environ.get("BIND_HOST") or "127.0.0.1"
    listening = socket.create_server((host, port), backlog=BACKLOG)
    if listening.fileno() == DESCRIPTOR:
        os.set_inheritable(DESCRIPTOR, True)
    else:
        os.dup2(listening.fileno(), DESCRIPTOR, inheritable=True)
    os.environ["LISTEN_FDS"] = "1"
    os.environ["LISTEN_PID"] = str(os.getpid())
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
