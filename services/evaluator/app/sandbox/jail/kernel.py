"""System calls that Python doesn't wrap, made by ctypes."""

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
_SECCOMP_MODE_FILTER = 2

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.prctl.restype = ctypes.c_int

Argument = int | bytes | ctypes.Array[ctypes.c_char] | None


def prctl(option: int, value: int, pointer: object = None) -> int:
    """Call prctl(2) with one value, or with a pointer.

    Raises:
        OSError: With what the kernel answered.
    """
    unused = ctypes.c_ulong(0)
    address = unused if pointer is None else pointer
    result = int(_libc.prctl(option, ctypes.c_ulong(value), address, unused, unused))
    if result < 0:
        raise _error()
    return result


def syscall(number: int, *arguments: Argument) -> int:
    """Make a system call by its number; integers are passed as 64 bits wide.

    Raises:
        OSError: With what the kernel answered.
    """
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *wide))
    if result < 0:
        raise _error()
    return result


def answer_of(number: int, *arguments: Argument) -> int:
    """Make a system call and return its errno, 0 where it succeeded."""
    try:
        syscall(number, *arguments)
    except OSError as error:
        return error.errno or 0
    return 0


def install_filter(instructions: bytes) -> None:
    """Put a seccomp filter in force for this process, for good. Needs no_new_privs.

    Args:
        instructions: An array of `struct sock_filter`, 8 bytes each.

    Raises:
        OSError: If the kernel has no seccomp filters.
    """
    memory = ctypes.create_string_buffer(instructions, len(instructions))
    program = _FilterProgram(len(instructions) // 8, ctypes.addressof(memory))
    prctl(PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))


class _FilterProgram(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
