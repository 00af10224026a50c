import os
import socket
from unittest.mock import Mock

import pytest
from support.rows import for_each

from benchmarks.own_ports import take_port
from selfheal.runtime.errors import EmbeddedRuntimeError, PortTakenError
from selfheal.runtime.ports import is_free, require_free_port


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
    port = take_port()
    assert is_free(port)
    require_free_port(port, setting="MANAGER_PORT")


def test_an_unknown_holder_is_admitted() -> None:
    error = PortTakenError(port=8000, setting="MANAGER_PORT", holder=None)
    assert error.message == "Port 8000 on 127.0.0.1 is taken by another program."


@for_each(["127.0.0.1", "0.0.0.0", "::1", "::", "localhost", "127.0.0.2"])
def test_a_port_is_looked_at_on_the_address_that_it_is_needed_on(host: str) -> None:
    port = take_port()
    require_free_port(port, setting="MANAGER_PORT", host=host)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family):
        assert not is_free(port, host)
        with pytest.raises(PortTakenError, match=f"on {host} is taken by .* \\(pid {os.getpid()}"):
            require_free_port(port, setting="MANAGER_PORT", host=host)


@for_each(["192.0.2.1", "2001:db8::1", "no-such-host"])
def test_an_address_that_is_not_this_machine_s_is_told_with_the_setting(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = take_port()
    if host == "no-such-host":  # without asking a name server
        unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=unknown))
    with pytest.raises(EmbeddedRuntimeError) as raised:
        require_free_port(port, setting="MANAGER_PORT", host=host)
    assert host in raised.value.message
    assert "BIND_HOST" in raised.value.remedy
