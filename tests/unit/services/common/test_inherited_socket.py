import os
import socket

import pytest

from services.common import inherited_socket
from services.common.inherited_socket import inherited_sockets


def test_sockets_for_this_process_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        descriptor = os.dup(listening.fileno())
        monkeypatch.setattr(inherited_socket, "FIRST_DESCRIPTOR", descriptor)
        (taken,) = inherited_sockets(count=1, process_id=os.getpid())
        with taken:
            assert taken.fileno() == descriptor
            assert taken.getsockname() == listening.getsockname()


@pytest.mark.parametrize("process_id", [0, os.getppid()])
def test_sockets_for_another_process_are_left_alone(process_id: int) -> None:
    assert inherited_sockets(count=1, process_id=process_id) == []


def test_what_is_no_socket_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    try:
        monkeypatch.setattr(inherited_socket, "FIRST_DESCRIPTOR", reading)
        with pytest.raises(OSError, match="socket"):
            inherited_sockets(count=1, process_id=os.getpid())
    finally:
        os.close(reading)
        os.close(writing)
