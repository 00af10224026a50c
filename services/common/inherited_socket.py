"""A listening socket that whoever started this process opened for it: sd_listen_fds(3).

systemd hands sockets on that way, and so does our containers' first program, which listens before
the service has loaded: a request that comes in that second waits instead of being refused.
"""

import os
import socket
from typing import Final

FIRST_DESCRIPTOR: Final = 3


def inherited_sockets(*, count: int, process_id: int) -> list[socket.socket]:
    """The sockets that were handed to this process; none where they were meant for another.

    Args:
        count: How many there are (LISTEN_FDS).
        process_id: Whom they are for (LISTEN_PID).

    Raises:
        OSError: If a descriptor is no socket.
    """
    if process_id != os.getpid():
        return []
    return [
        socket.socket(fileno=descriptor)
        for descriptor in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + count)
    ]
