"""The seccomp policy, run by a small interpreter of cBPF: what each call comes to."""

import errno
import struct
from collections.abc import Sequence

import pytest

from services.evaluator.app.sandbox.jail.seccomp_filter import (
    ALLOW,
    ALLOWED,
    ERRNO,
    GUARDED,
    JUMP_IF_ANY_BIT,
    JUMP_IF_AT_LEAST,
    JUMP_IF_EQUAL,
    KILL_PROCESS,
    LOAD,
    NO_SUCH_FILE,
    RETURN,
    Instruction,
    build_filter,
    encode,
)
from services.evaluator.app.sandbox.jail.syscall_numbers import AARCH64, X86_64, Architecture

I386 = 0x40000003
ARM = 0x40000028
LONGEST_PROGRAM = 4096  # BPF_MAXINSNS

ARCHITECTURES = [
    pytest.param(X86_64, id="x86-64"),
    pytest.param(AARCH64, id="aarch64"),
]


def decide(
    program: Sequence[Instruction], number: int, arguments: Sequence[int] = (), *, arch: int
) -> int:
    """What the kernel would do."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, arch, 0, *(value & 2**64 - 1 for value in padded))
    accumulator = position = 0
    while True:
        code, if_true, if_false, k = program[position]
        position += 1
        if code == RETURN:
            return k
        if code == LOAD:
            accumulator = int.from_bytes(data[k : k + 4], "little")
        else:
            holds = {
                JUMP_IF_EQUAL: accumulator == k,
                JUMP_IF_AT_LEAST: accumulator >= k,
                JUMP_IF_ANY_BIT: bool(accumulator & k),
            }[code]
            position += if_true if holds else if_false


def answer(architecture: Architecture, name: str, *arguments: int) -> int:
    return decide(
        build_filter(architecture),
        architecture.numbers[name],
        arguments,
        arch=architecture.audit_arch,
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_exactly_the_listed_calls_are_let_through(architecture: Architecture) -> None:
    program = build_filter(architecture)
    named = {number: name for name, number in architecture.numbers.items()}
    let_through = {
        named[number]
        for number in range(1024)
        if decide(program, number, arch=architecture.audit_arch) == ALLOW
    }
    # With all arguments 0 these hold no forbidden bits; `ioctl` and `socketpair` need their value.
    harmless_at_zero = {"mmap", "mprotect", "prlimit64", "sendto", "fcntl"}
    assert let_through == (set(ALLOWED) & set(architecture.numbers)) | harmless_at_zero


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_files_are_not_there(architecture: Architecture) -> None:
    for name in set(NO_SUCH_FILE) & set(architecture.numbers):
        assert answer(architecture, name) == ERRNO | errno.ENOENT


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    "name",
    "socket clone clone3 execve kill tgkill ptrace prctl process_vm_readv io_uring_setup"
    " capset setresuid timer_create timer_settime landlock_create_ruleset".split(),
)
def test_what_is_not_listed_is_refused(architecture: Architecture, name: str) -> None:
    assert answer(architecture, name) == ERRNO | errno.EPERM


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("number", [500, 1023, 0x3FFFFFFF])
def test_calls_nobody_knows_are_refused(architecture: Architecture, number: int) -> None:
    program = build_filter(architecture)
    assert decide(program, number, arch=architecture.audit_arch) == ERRNO | errno.EPERM


READ_WRITE, READ_WRITE_EXEC = 3, 7
WIDE = 1 << 32


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("name", "arguments", "verdict"),
    [
        ("mmap", (0, 4096, READ_WRITE, 0x22, -1, 0), ALLOW),
        ("mmap", (0, 4096, READ_WRITE_EXEC, 0x22, -1, 0), ERRNO | errno.EPERM),
        ("mmap", (0, 4096, 4), ERRNO | errno.EPERM),
        ("mprotect", (4096, 4096, READ_WRITE), ALLOW),
        ("mprotect", (4096, 4096, READ_WRITE_EXEC), ERRNO | errno.EPERM),
        ("prlimit64", (0, 7, 0, 4096), ALLOW),
        ("prlimit64", (0, 7, 4096, 0), ERRNO | errno.EPERM),
        ("prlimit64", (0, 7, WIDE, 0), ERRNO | errno.EPERM),
        ("prlimit64", (1, 7, 0, 4096), ERRNO | errno.EPERM),
        ("prlimit64", (WIDE, 7, 0, 4096), ERRNO | errno.EPERM),
        ("socketpair", (1, 1, 0, 4096), ALLOW),
        ("socketpair", (2, 1, 0, 4096), ERRNO | errno.EPERM),
        ("sendto", (5, 4096, 1, 0, 0, 0), ALLOW),
        ("sendto", (5, 4096, 1, 0, 4096, 16), ERRNO | errno.EPERM),
        ("sendto", (5, 4096, 1, 0, WIDE, 16), ERRNO | errno.EPERM),
        ("fcntl", (1, 0), ALLOW),
        ("fcntl", (1, 4), ALLOW),
        ("fcntl", (1, 1030), ALLOW),
        ("fcntl", (1, 8, 1), ERRNO | errno.EPERM),  # F_SETOWN
        ("fcntl", (1, 1024), ERRNO | errno.EPERM),  # F_SETLEASE
        ("fcntl", (1, 1033), ERRNO | errno.EPERM),  # F_ADD_SEALS
        ("ioctl", (1, 0x5421), ALLOW),  # FIONBIO
        ("ioctl", (0, 0x5401), ERRNO | errno.ENOTTY),  # TCGETS
        ("ioctl", (0, 0x5412), ERRNO | errno.ENOTTY),  # TIOCSTI: types into a terminal
    ],
)
def test_arguments_decide(
    architecture: Architecture, name: str, arguments: tuple[int, ...], verdict: int
) -> None:
    assert answer(architecture, name, *arguments) == verdict


@pytest.mark.parametrize(
    ("architecture", "arch", "number"),
    [
        pytest.param(X86_64, I386, 4, id="32-bit-call-on-x86-64"),
        pytest.param(X86_64, X86_64.audit_arch, 0x40000001, id="x32-write"),
        pytest.param(X86_64, X86_64.audit_arch, 0xFFFFFFFF, id="highest-number"),
        pytest.param(X86_64, AARCH64.audit_arch, 64, id="other-architecture-on-x86-64"),
        pytest.param(AARCH64, ARM, 4, id="32-bit-call-on-aarch64"),
        pytest.param(AARCH64, X86_64.audit_arch, 1, id="other-architecture-on-aarch64"),
    ],
)
def test_another_abi_ends_the_process(architecture: Architecture, arch: int, number: int) -> None:
    assert decide(build_filter(architecture), number, arch=arch) == KILL_PROCESS


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_program_is_one_the_kernel_takes(architecture: Architecture) -> None:
    program = build_filter(architecture)
    assert len(program) < LONGEST_PROGRAM
    assert program[-1][0] == RETURN
    for position, (code, if_true, if_false, _) in enumerate(program):
        if code not in {LOAD, RETURN}:
            assert position + 1 + max(if_true, if_false) < len(program)
            assert min(if_true, if_false) >= 0
            assert max(if_true, if_false) <= 255
    assert len(encode(program)) == 8 * len(program)
    assert encode(program[:1]) == struct.pack("<HBBI", LOAD, 0, 0, 4)


def test_every_name_is_known_on_some_architecture() -> None:
    known = X86_64.numbers.keys() | AARCH64.numbers.keys()
    assert {*ALLOWED, *NO_SUCH_FILE, *GUARDED} <= known


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_two_calls_have_one_number(architecture: Architecture) -> None:
    assert len(set(architecture.numbers.values())) == len(architecture.numbers)
