"""Which table of system calls a machine gets."""

import pytest

from services.evaluator.app.sandbox.jail import syscall_numbers


@pytest.mark.parametrize(
    ("machine", "architecture"),
    [
        ("x86_64", syscall_numbers.X86_64),
        ("AMD64", syscall_numbers.X86_64),
        ("aarch64", syscall_numbers.AARCH64),
        ("arm64", syscall_numbers.AARCH64),
    ],
)
def test_the_machine_decides(
    monkeypatch: pytest.MonkeyPatch, machine: str, architecture: syscall_numbers.Architecture
) -> None:
    monkeypatch.setattr(syscall_numbers.platform, "machine", lambda: machine)
    assert syscall_numbers.this_architecture() is architecture


@pytest.mark.parametrize("machine", ["riscv64", "i686", "armv7l", ""])
def test_others_are_named_and_refused(monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    monkeypatch.setattr(syscall_numbers.platform, "machine", lambda: machine)
    with pytest.raises(syscall_numbers.UnknownArchitectureError, match=repr(machine)):
        syscall_numbers.this_architecture()
