"""Which table of system calls a machine gets."""

import pytest

from services.evaluator.app.sandbox.jail import syscalls


@pytest.mark.parametrize(
    ("machine", "architecture"),
    [
        ("x86_64", syscalls.X86_64),
        ("AMD64", syscalls.X86_64),
        ("aarch64", syscalls.AARCH64),
        ("arm64", syscalls.AARCH64),
    ],
)
def test_the_machine_decides(
    monkeypatch: pytest.MonkeyPatch, machine: str, architecture: syscalls.Architecture
) -> None:
    monkeypatch.setattr(syscalls.platform, "machine", lambda: machine)
    assert syscalls.this_architecture() is architecture


@pytest.mark.parametrize("machine", ["riscv64", "i686", "armv7l", ""])
def test_others_are_named_and_refused(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    monkeypatch.setattr(syscalls.platform, "machine", lambda: machine)
    with pytest.raises(syscalls.UnknownArchitectureError, match=repr(machine)):
        syscalls.this_architecture()
