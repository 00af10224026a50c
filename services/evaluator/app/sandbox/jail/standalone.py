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
from collections.abc import Iterator, Sequence
from types import CodeType, ModuleType
from typing import TextIO

from .refusals import refuse_output

ARGV_0 = "answer.py"
_STDIN, _STDOUT, _STDERR = range(3)
_CHUNK_BYTES = 1 << 16

_code_of = vars(SystemExit)["code"].__get__


class _Printed(io.RawIOBase):
    """Keeps what is printed and passes it on, so that its amount is limited as everywhere.

    What is written to the standard output's descriptor comes through a socket, if there is one.
    """

    def __init__(self, output: TextIO, written: socket.socket | None) -> None:
        self.kept = bytearray()
        self._output = output
        self._written = written

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self._written is None:
            refuse_output()
        return _STDOUT

    def write(self, chunk: bytes) -> int:  # type: ignore[override]
        self.keep_written()
        self._keep(chunk)
        return len(chunk)

    def keep_written(self) -> None:
        """Keep what has come through the descriptor since."""
        with contextlib.suppress(BlockingIOError):
            while self._written is not None and (chunk := self._written.recv(_CHUNK_BYTES)):
                self._keep(chunk)

    def _keep(self, chunk: bytes) -> None:
        self.kept += chunk
        self._output.write(bytes(chunk).decode(errors="replace"))
        self._output.flush()


def run_standalone(
    code: CodeType, module: ModuleType, output: TextIO, stdin: str, argv: Sequence[str]
) -> str:
    """Run a program, in a fresh module, and return what it printed on its standard output.

    That goes to `output` as well, which mustn't have the standard output's descriptor.

    Raises:
        BaseException: Whatever the program raised; `SystemExit` where its status isn't 0.
    """
    before = sys.stdin, sys.stdout, sys.argv
    _forget_earlier_runs()
    given = _open_input(stdin)
    with _output_descriptor() as written:
        printed = _Printed(output, written)
        buffered = io.BufferedWriter(printed)  # type: ignore[type-var]
        # As in a terminal: what a program writes past `print` comes after what it printed before.
        stream = io.TextIOWrapper(
            buffered,
            encoding="utf-8",
            errors="backslashreplace",
            line_buffering="os" in code.co_names,
            write_through=True,
        )
        sys.stdin, sys.stdout, sys.argv = given, stream, [ARGV_0, *argv]
        try:
            _run(code, module)
            atexit._run_exitfuncs()
        finally:
            # It may have put another in its place, or have taken this one apart.
            unwritten = getattr(sys, "stdout", stream), stream, buffered
            sys.stdin, sys.stdout, sys.argv = before
            for one in unwritten:
                with contextlib.suppress(AttributeError, ValueError):
                    one.flush()
            printed.keep_written()
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
    with contextlib.suppress(OSError, AttributeError), _connect(_STDIN) as writing:
        if writing.send(content) == len(content):
            source = io.BufferedReader(io.FileIO(_STDIN, closefd=False))
    return io.TextIOWrapper(source, encoding="utf-8", errors="surrogateescape")


@contextlib.contextmanager
def _output_descriptor() -> Iterator[socket.socket | None]:
    """Have the standard output's descriptor lead to the socket, where that can be done."""
    try:
        reading = _connect(_STDOUT)
    except (OSError, AttributeError):
        # WebAssembly's descriptors lead nowhere.
        before, os.write = os.write, refuse_output
        try:
            yield None
        finally:
            os.write = before
        return
    with reading:
        try:
            yield reading
        finally:
            _give_number(_STDERR, _STDOUT)


def _connect(number: int) -> socket.socket:
    """Have a descriptor lead to the socket that is returned; neither end ever waits."""
    theirs, ours = socket.socketpair()
    with theirs:
        theirs.setblocking(False)
        ours.setblocking(False)
        _give_number(theirs.fileno(), number)
    return ours


def _give_number(descriptor: int, number: int) -> None:
    """Have a number stand for what a descriptor leads to."""
    with contextlib.suppress(OSError):
        os.close(number)
    # Each copy gets the lowest free number.
    while os.dup(descriptor) < number:
        pass
