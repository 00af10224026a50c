import os
import socket

import pytest

from selfheal.runtime.errors import PortTakenError
from selfheal.runtime.ports import find_free_port, is_free, require_free_port


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_taken_port_is_told_with_holder_and_setting(address: str) -> None:
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        assert not is_free(port)
        with pytest.raises(PortTakenError) as raised:
            require_free_port(port, setting="MANAGER_PORT")
    assert raised.value.message.startswith(f"Port {port} on 127.0.0.1 is taken by ")
    assert raised.value.message.endswith(f"(pid {os.getpid()}).")
    assert "MANAGER_PORT=<port>" in raised.value.remedy


def test_a_free_port_is_free() -> None:
    port = find_free_port()
    assert is_free(port)
    require_free_port(port, setting="MANAGER_PORT")


def test_an_unknown_holder_is_admitted() -> None:
    error = PortTakenError(port=8000, setting="MANAGER_PORT", holder=None)
    assert error.message == "Port 8000 on 127.0.0.1 is taken by another program."
