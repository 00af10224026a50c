import pytest

from benchmarks import own_ports


def test_what_is_taken_is_passed_over_and_no_port_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own_ports, "is_free", lambda port: port % 2 == 0)
    ports = [*own_ports.take_ports(50), *(own_ports.take_port() for _ in range(50))]
    assert len(set(ports)) == 100
    assert all(port % 2 == 0 for port in ports)
    assert all(20_000 <= port < 32_768 for port in ports)
