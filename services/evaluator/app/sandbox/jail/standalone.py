"""Runs a program by itself: as `__main__`, with an input, arguments and an output of its own."""

import atexit
import contextlib
import fileinput
import io
import logging
import os
import random
import socket
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType
from typing import TextIO

ARGV_0 = "answer.py"
_STDIN = 0

_code_of = vars(SystemExit)["code"].__get__


class _Printed(io.RawIOBase):
    """Keeps what is printed and passes it on, so that its amount is limited as everywhere."""

    def __init__(self, output: TextIO) -> None:
        self.kept = bytearray()
        self._output = output

    def writable(self) -> bool:
        return True

    def write(self, chunk: bytes) -> int:  # type: ignore[override]
        self.kept += chunk
        self._output.write(bytes(chunk).decode(errors="replace"))
        self._output.flush()
        return len(chunk)


def run_standalone(
    code: CodeType, module: ModuleType, output: TextIO, stdin: str, argv: Sequence[str]
) -> str:
    """Run a program to its end and return what it printed on its standard output.

    Args:
        code: The program, compiled.
        module: A fresh module to run it in.
        output: Where what is printed goes as well.
        stdin: What the program finds on its standard input.
        argv: Its arguments, without its name.

    Raises:
        BaseException: Whatever the program raised; `SystemExit` where its status isn't 0.
    """
    before = sys.stdin, sys.stdout, sys.argv
    _forget_earlier_runs()
    printed = _Printed(output)
    buffered = io.BufferedWriter(printed)  # type: ignore[type-var]
    stream = io.TextIOWrapper(buffered, encoding="utf-8", errors="backslashreplace")
    sys.stdin, sys.stdout, sys.argv = _open_input(stdin), stream, [ARGV_0, *argv]
    try:
        _run(code, module)
        atexit._run_exitfuncs()
        # It may have put another in its place, or have taken this one apart.
        for unwritten in (sys.stdout, stream, buffered):
            with contextlib.suppress(ValueError):
                unwritten.flush()
    finally:
        sys.stdin, sys.stdout, sys.argv = before
    return printed.kept.decode(errors="replace")


def _run(code: CodeType, module: ModuleType) -> None:
    try:
        exec(code, module.__dict__)  # noqa: S102 - the purpose of it all
    except SystemExit as ending:
        if not ended_well(ending):
            raise


def ended_well(ending: SystemExit) -> bool:
    """Whether an exit's status is 0."""
    status = _code_of(ending)
    return status is None or (type(status) in (int, bool) and status == 0)


def _forget_earlier_runs() -> None:
    """Reset what modules remember of a run and would change the next."""
    random.seed(0)
    logging.root.handlers.clear()
    logging.root.setLevel(logging.WARNING)
    fileinput._state = None  # type: ignore[attr-defined]
    atexit._clear()


def _open_input(text: str) -> TextIO:
    """Open the input for Python and, where that can be done, for who reads the descriptor."""
    content = text.encode(errors="surrogatepass")
    source: io.BytesIO | io.BufferedReader = io.BytesIO(content)
    # WebAssembly has no sockets, nor does one hold more than some 200 KB.
    with contextlib.suppress(OSError, AttributeError):
        if _feed_descriptor(content):
            source = io.BufferedReader(io.FileIO(_STDIN, closefd=False))
    return io.TextIOWrapper(source, encoding="utf-8", errors="surrogateescape")


def _feed_descriptor(content: bytes) -> bool:
    """Make the standard input's descriptor one that gives this content and then ends."""
    with contextlib.suppress(OSError):
        os.close(_STDIN)
    # The first of them gets the lowest free number.
    reading, writing = socket.socketpair()
    with writing:
        writing.setblocking(False)
        return reading.detach() == _STDIN and writing.send(content) == len(content)
