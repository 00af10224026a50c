"""Tells a program that failed from one that asked for what the sandbox doesn't have."""

import dis
import errno
import io
import os
import socket
import sqlite3
import sys
from collections.abc import Collection
from types import CodeType, TracebackType
from typing import Any, NoReturn

from .tagging import identities

_RAISE = dis.opmap["RAISE_VARARGS"]
_LIBRARY = os.path.dirname(os.__file__) + os.sep
_REFUSING = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOENT, errno.ENOSYS, errno.ENOTTY, errno.EAGAIN}
)
_FAILED_IMPORTS = identities(ImportError, ModuleNotFoundError)
_FAILED_CALLS = identities(OSError, PermissionError, FileNotFoundError, BlockingIOError)
# What the library raises on top of a refused call, without its number.
_FAILED_CONNECTIONS = identities(
    socket.gaierror,
    # The WebAssembly machine's own, which isn't OSError as everywhere else.
    *({socket.error} - {OSError}),
)

# As the interpreter set them, whatever a subclass says.
_name_of_missing = vars(ImportError)["name"].__get__
_number_of = vars(OSError)["errno"].__get__


class ThreadRefusedError(RuntimeError):
    """Starting a thread was refused; a type of its own, as its text alone wouldn't tell."""


def refuse_thread(*_arguments: object, **_options: object) -> NoReturn:
    """Refuse to start a thread, in place of the functions that start one."""
    raise ThreadRefusedError("can't start new thread")


class InputRefusedError(EOFError):
    """Reading the standard input was refused: there is none."""


class OutputRefusedError(io.UnsupportedOperation):
    """Writing past `print` was refused: there is no descriptor to write to."""


def refuse_output(*_arguments: object) -> NoReturn:
    """Refuse to write to a descriptor."""
    raise OutputRefusedError("there is no standard output's descriptor")


class NoInput(io.TextIOBase):
    """Stands in for the standard input; reading it is a refusal, not a failure of the program."""

    def readable(self) -> bool:
        """Return True, as the standard input does."""
        return True

    def read(self, *_arguments: object) -> NoReturn:
        """Refuse to read."""
        raise InputRefusedError("there is no standard input")

    readline = readlines = __next__ = read


class ArgumentRefusedError(IndexError):
    """Reading an argument of the program was refused: it was given none."""


_REFUSALS = identities(
    ThreadRefusedError, InputRefusedError, OutputRefusedError, ArgumentRefusedError
)


class NoArguments(list[str]):
    """Stands in for `sys.argv`; reading an argument is a refusal, not a failure of the program."""

    def __getitem__(self, index: Any) -> Any:
        """Return an element or a slice.

        Raises:
            ArgumentRefusedError: If there is no such element.
        """
        try:
            return super().__getitem__(index)
        except IndexError as error:
            raise ArgumentRefusedError("there are no arguments") from error


def is_refusal(error: BaseException, importable: Collection[str]) -> bool:
    """Whether the sandbox stood in the way, so that nothing is known of the program.

    Args:
        error: What loading or a step raised.
        importable: Names of all modules that the sandbox has.

    Returns:
        True for a system call refused, a file not found, a module that isn't here, a thread not
        started, the standard input read; False where the program raised such an error by a
        statement of its own.
    """
    if id(type(error)) in _REFUSALS:
        return True
    if not _asks_for_too_much(error, importable):
        return False
    frame = _innermost(error.__traceback__)
    return frame is None or not _raises_itself(frame.tb_frame.f_code, frame.tb_lasti)


def _asks_for_too_much(error: BaseException, importable: Collection[str]) -> bool:
    kind = id(type(error))
    if kind in _FAILED_IMPORTS:
        name = _name_of_missing(error)
        return type(name) is str and name not in importable
    if kind in _FAILED_CALLS:
        number = _number_of(error)
        return type(number) is int and number in _REFUSING
    if kind == id(sqlite3.OperationalError):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CANTOPEN
    return kind in _FAILED_CONNECTIONS or kind == id(_loaded("urllib.error", "URLError"))


def _loaded(module: str, name: str) -> object:
    """Return an attribute of a module that is costly to load; None unless a program loaded it."""
    return getattr(sys.modules.get(module), name, None)


def _innermost(traceback: TracebackType | None) -> TracebackType | None:
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback


def _raises_itself(code: CodeType, instruction: int) -> bool:
    """Whether this is a `raise` statement outside of the standard library."""
    if code.co_filename.startswith((_LIBRARY, "<frozen ")):
        return False
    return 0 <= instruction < len(code.co_code) and code.co_code[instruction] == _RAISE
