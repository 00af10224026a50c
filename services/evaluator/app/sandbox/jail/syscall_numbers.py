"""System call numbers of the two architectures that the sandbox knows. Data, no decisions."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass


class UnknownArchitectureError(Exception):
    """There is no table of system calls for this processor."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """One processor family, as the kernel names its system calls.

    Attributes:
        machine: As `uname -m` prints it.
        audit_arch: `AUDIT_ARCH_*` of <linux/audit.h>, which seccomp shows to its filters.
        numbers: System call numbers. A call that the architecture doesn't have is absent.
        has_x32: Whether a second ABI shares `audit_arch`, told apart by bit 30 of the number.
    """

    machine: str
    audit_arch: int
    numbers: Mapping[str, int]
    has_x32: bool = False


# From <asm/unistd_64.h>.
X86_64 = Architecture(
    machine="x86_64",
    audit_arch=0xC000003E,
    has_x32=True,
    numbers={
        "access": 21, "brk": 12, "capget": 125, "capset": 126, "clock_getres": 229,
        "clock_gettime": 228, "clock_nanosleep": 230, "clone": 56, "clone3": 435, "close": 3,
        "dup": 32, "epoll_create1": 291, "epoll_ctl": 233, "epoll_pwait": 281, "epoll_wait": 232,
        "execve": 59, "exit": 60, "exit_group": 231, "faccessat": 269, "faccessat2": 439,
        "fcntl": 72, "fork": 57, "fstat": 5, "futex": 202, "getcwd": 79, "getegid": 108,
        "geteuid": 107, "getgid": 104, "getpid": 39, "getppid": 110, "getrandom": 318,
        "getrlimit": 97, "getrusage": 98, "gettid": 186, "gettimeofday": 96, "getuid": 102,
        "io_uring_setup": 425, "ioctl": 16, "kill": 62, "landlock_create_ruleset": 444,
        "landlock_restrict_self": 446, "lseek": 8, "lstat": 6, "madvise": 28, "mmap": 9,
        "mprotect": 10, "mremap": 25, "munmap": 11, "nanosleep": 35, "newfstatat": 262,
        "open": 2, "openat": 257, "openat2": 437, "poll": 7, "ppoll": 271, "prctl": 157,
        "pread64": 17, "prlimit64": 302, "process_vm_readv": 310, "pselect6": 270, "ptrace": 101,
        "read": 0, "readlink": 89, "readlinkat": 267, "readv": 19, "recvfrom": 45,
        "restart_syscall": 219, "rseq": 334, "rt_sigaction": 13, "rt_sigprocmask": 14,
        "rt_sigreturn": 15, "sched_getaffinity": 204, "sched_yield": 24, "select": 23,
        "sendto": 44, "setresuid": 117, "sigaltstack": 131, "socket": 41, "socketpair": 53,
        "stat": 4, "statx": 332, "tgkill": 234, "timer_create": 222, "timer_settime": 223,
        "times": 100, "write": 1, "writev": 20,
    },
)  # fmt: skip

# From <asm-generic/unistd.h>.
AARCH64 = Architecture(
    machine="aarch64",
    audit_arch=0xC00000B7,
    numbers={
        "brk": 214, "capget": 90, "capset": 91, "clock_getres": 114, "clock_gettime": 113,
        "clock_nanosleep": 115, "clone": 220, "clone3": 435, "close": 57, "dup": 23,
        "epoll_create1": 20, "epoll_ctl": 21, "epoll_pwait": 22, "execve": 221, "exit": 93,
        "exit_group": 94, "faccessat": 48, "faccessat2": 439, "fcntl": 25, "fstat": 80,
        "futex": 98, "getcwd": 17, "getegid": 177, "geteuid": 175, "getgid": 176, "getpid": 172,
        "getppid": 173, "getrandom": 278, "getrlimit": 163, "getrusage": 165, "gettid": 178,
        "gettimeofday": 169, "getuid": 174, "io_uring_setup": 425, "ioctl": 29, "kill": 129,
        "landlock_create_ruleset": 444, "landlock_restrict_self": 446, "lseek": 62,
        "madvise": 233, "mmap": 222, "mprotect": 226, "mremap": 216, "munmap": 215,
        "nanosleep": 101, "newfstatat": 79, "openat": 56, "openat2": 437, "ppoll": 73,
        "prctl": 167, "pread64": 67, "prlimit64": 261, "process_vm_readv": 270, "pselect6": 72,
        "ptrace": 117, "read": 63, "readlinkat": 78, "readv": 65, "recvfrom": 207,
        "restart_syscall": 128, "rseq": 293, "rt_sigaction": 134, "rt_sigprocmask": 135,
        "rt_sigreturn": 139, "sched_getaffinity": 123, "sched_yield": 124, "sendto": 206,
        "setresuid": 147, "sigaltstack": 132, "socket": 198, "socketpair": 199, "statx": 291,
        "tgkill": 131,
        "timer_create": 107, "timer_settime": 110, "times": 153, "write": 64, "writev": 66,
    },
)  # fmt: skip

_ARCHITECTURES = {"x86_64": X86_64, "amd64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}


def this_architecture() -> Architecture:
    """Return the architecture that this process runs on.

    Raises:
        UnknownArchitectureError: If it isn't one of the two.
    """
    machine = platform.machine().lower()
    try:
        return _ARCHITECTURES[machine]
    except KeyError:
        raise UnknownArchitectureError(
            f"there is no list of system calls for {machine!r}, only for x86-64 and aarch64"
        ) from None
