"""The life of a forked child: it confines itself, reads the request, runs the program, ends."""

import fcntl
import json
import os
from collections.abc import Sequence
from typing import NoReturn

from .confinement import Confinement, Plan
from .program import MAX_MESSAGE, Preparations, Program, encode

STDIN, STDOUT, STDERR, RESULTS, REQUEST = range(5)
_ABOVE_ALL = 128
_CLOSED_UP_TO = 4096

EXIT_FINISHED = 0
EXIT_BROKEN = 96
EXIT_NOT_CONFINED = 97
EXIT_OUT_OF_MEMORY = 98

# Taken before any program could put its own in their place.
_exit = os._exit
_read_at = os.pread
_write_to = os.write


def run(
    descriptors: Sequence[int],
    nothing: int,
    preparations: Preparations,
    confinement: Confinement,
    plan: Plan,
) -> NoReturn:
    """Run one program in this process, confined, and end the process.

    Args:
        descriptors: The request's, the output's and the results'.
        nothing: Descriptor of /dev/null, to be the standard input.
        preparations: What was prepared before forking.
        confinement: The layers to confine this process by.
        plan: This run's user and limits.
    """
    request, output, results = descriptors
    _arrange_descriptors((nothing, output, output, results, request))
    try:
        layers = confinement.enter(plan)
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be run
        _write(encode(["unsafe", f"{type(error).__name__}: {error}"[:MAX_MESSAGE]]))
        _exit(EXIT_NOT_CONFINED)
    _write(encode(["confined", layers]))
    exit_code = EXIT_BROKEN
    try:
        token, source, steps = json.loads(_read_request())
        Program(preparations, _write, token, source, steps).run()
        exit_code = EXIT_FINISHED
    except MemoryError:
        exit_code = EXIT_OUT_OF_MEMORY
    finally:
        # Whatever the program left behind (handlers, objects with __del__) isn't asked.
        _exit(exit_code)


def _arrange_descriptors(wanted: Sequence[int]) -> None:
    """Give these the numbers 0, 1, 2, ... and close all others, the zygote's socket above all."""
    # By way of numbers that none of them has, so that none is overwritten too soon.
    out_of_the_way = [fcntl.fcntl(d, fcntl.F_DUPFD, _ABOVE_ALL) for d in wanted]
    for number, descriptor in enumerate(out_of_the_way):
        os.dup2(descriptor, number)
    os.closerange(len(wanted), _CLOSED_UP_TO)


def _read_request() -> bytes:
    chunks = []
    position = 0
    while chunk := _read_at(REQUEST, 1 << 20, position):
        chunks.append(chunk)
        position += len(chunk)
    os.close(REQUEST)
    return b"".join(chunks)


def _write(line: bytes) -> None:
    while line:
        line = line[_write_to(RESULTS, line) :]
