"""The seccomp filter: which system calls a confined program may make, as a program of cBPF.

The policy reads top down: what is let through, what acts as if the file system were empty, what
depends on an argument, and for all the rest EPERM. A call of another ABI (32 bit, x32) ends the
process, since its number would mean something else.
"""

import errno
import struct
from collections.abc import Iterable, Sequence

from .syscall_numbers import Architecture

# Classic BPF, <linux/bpf_common.h>: each instruction is (code, jump if true, jump if false, k).
LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_IF_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
JUMP_IF_ANY_BIT = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN = 0x06  # BPF_RET | BPF_K

KILL_PROCESS = 0x80000000
ALLOW = 0x7FFF0000
ERRNO = 0x00050000

# Offsets into struct seccomp_data, <linux/seccomp.h>.
_NUMBER = 0
_ARCH = 4
_ARGUMENTS = 16
_X32_BIT = 0x40000000

Instruction = tuple[int, int, int, int]


# What a computation needs: memory, time, the descriptors it has, waiting, and ending. asyncio
# needs epoll and a pair of connected sockets that lead nowhere but into the process itself.
ALLOWED = """
    read write readv writev pread64 lseek close dup fstat
    brk munmap mremap madvise
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday times getrusage
    getpid getppid gettid getuid geteuid getgid getegid getcwd getrlimit getrandom
    futex rseq sched_yield sched_getaffinity
    poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait recvfrom
    exit exit_group
""".split()

# A program that looks for a file is told that there is none.
NO_SUCH_FILE = """
    open openat openat2 stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat
""".split()

_PROT_EXEC = 4
_AF_UNIX = 1
_FIONBIO = 0x5421
_F_DUPFD_CLOEXEC = 1030
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL: none of the commands that send signals, take
# leases or watch a directory.
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, _F_DUPFD_CLOEXEC)


def _word(argument: int, *, upper: bool = False) -> Instruction:
    """Load the lower or upper 32 bits of an argument; both architectures are little-endian."""
    return (LOAD, 0, 0, _ARGUMENTS + 8 * argument + (4 if upper else 0))


def _among(load: Instruction, values: Sequence[int]) -> list[Instruction]:
    """Check that a word is one of these values: then the instruction that follows is skipped."""
    return [load, *((JUMP_IF_EQUAL, len(values) - n, 0, value) for n, value in enumerate(values))]


def _is_zero(argument: int) -> list[list[Instruction]]:
    return [_among(_word(argument), [0]), _among(_word(argument, upper=True), [0])]


_NOT_EXECUTABLE: list[Instruction] = [_word(2), (JUMP_IF_ANY_BIT, 0, 1, _PROT_EXEC)]

# Calls that are let through where all checks of their arguments hold.
GUARDED = {
    # Memory is never executable, so no machine code of the program's own is run.
    "mmap": [_NOT_EXECUTABLE],
    "mprotect": [_NOT_EXECUTABLE],
    # Its own limits may be read (the new limit is NULL), nobody's may be set.
    "prlimit64": [*_is_zero(0), *_is_zero(2)],
    "socketpair": [_among(_word(0), [_AF_UNIX])],
    # Only along a connected socket: the address is NULL.
    "sendto": _is_zero(4),
    "fcntl": [_among(_word(1), _FCNTL_COMMANDS)],
    # Any other request is answered as by something that is no terminal.
    "ioctl": [_among(_word(1), [_FIONBIO])],
}


def build_filter(architecture: Architecture) -> list[Instruction]:
    """Build the filter of one architecture: the whole policy, in order."""
    numbers = architecture.numbers
    program: list[Instruction] = [
        (LOAD, 0, 0, _ARCH),
        (JUMP_IF_EQUAL, 1, 0, architecture.audit_arch),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, _NUMBER),
    ]
    if architecture.has_x32:
        program += [(JUMP_IF_AT_LEAST, 0, 1, _X32_BIT), (RETURN, 0, 0, KILL_PROCESS)]
    program += _answer((numbers[name] for name in ALLOWED if name in numbers), ALLOW)
    program += _answer(
        (numbers[name] for name in NO_SUCH_FILE if name in numbers), ERRNO | errno.ENOENT
    )
    for name, checks in GUARDED.items():
        refusal = errno.ENOTTY if name == "ioctl" else errno.EPERM
        program += _guard(numbers[name], checks, refusal)
    program.append((RETURN, 0, 0, ERRNO | errno.EPERM))
    return program


def encode(program: Sequence[Instruction]) -> bytes:
    """Encode a program as an array of `struct sock_filter`."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _answer(numbers: Iterable[int], action: int) -> list[Instruction]:
    program: list[Instruction] = []
    for number in numbers:
        program += [(JUMP_IF_EQUAL, 0, 1, number), (RETURN, 0, 0, action)]
    return program


def _guard(number: int, checks: list[list[Instruction]], refusal: int) -> list[Instruction]:
    """Check one call's arguments; other calls pass by with their number still loaded."""
    refuse: Instruction = (RETURN, 0, 0, ERRNO | refusal)
    body = [instruction for check in checks for instruction in (*check, refuse)]
    return [(JUMP_IF_EQUAL, 0, len(body) + 1, number), *body, (RETURN, 0, 0, ALLOW)]
