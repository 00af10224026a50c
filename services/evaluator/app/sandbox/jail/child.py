"""What a forked child does: shuts itself in, loads the program, takes the steps, and ends.

It writes its results as JSON, one record a line, strictly in this order: `confined`; `loaded` or
`load_failed`; a `step` for each step, in order; `finished`. All but the first begin with the run's
token. The reader takes anything else for a program that wrote to the channel itself.

The token keeps out programs that write such records, not those that search this process for it.
Nothing could: a program that knows what to claim can as well return it.
"""

import _thread
import builtins
import contextlib
import fcntl
import gc
import io
import json
import linecache
import os
import random
import sys
import threading
import types
from collections.abc import Sequence
from typing import NoReturn

from .confinement import Confinement, Plan
from .refusals import is_refusal, refuse_thread
from .tagging import Tagged, Tagger, name_of, opaque_in_place_of, take_items

STDIN, STDOUT, STDERR, RESULTS, REQUEST = range(5)
MODULE_NAME = "answer"
FILE_NAME = "<answer>"
STEP_FILE_NAME = "<step>"
MAX_MESSAGE = 200
# What a run may write as results; beyond it, values become opaque.
MAX_RESULT_BYTES = 1 << 20
_RESERVED_BYTES_A_STEP = 1024
_ABOVE_ALL = 128
_CLOSED_UP_TO = 4096
_PLAIN = frozenset(map(id, (str, int, float, bool)))

EXIT_FINISHED = 0
EXIT_BROKEN = 96
EXIT_NOT_CONFINED = 97
EXIT_OUT_OF_MEMORY = 98

# Taken before any program could put its own in their place. A program that goes looking will
# find all of this all the same: what a run writes is what it claims, and nothing more.
_exit = os._exit
_read_at = os.pread
_write_to = os.write
_encode_json = json.JSONEncoder(check_circular=False, separators=(",", ":")).encode

_THREAD_STARTERS = tuple(
    (module, name)
    for module in (_thread, threading)
    for name in (
        *("start_new", "start_new_thread", "start_joinable_thread"),
        *("_start_new_thread", "_start_joinable_thread"),
    )
    if hasattr(module, name)
)


class Preparations:
    """What all children have in common, done once before forking.

    A child that did this itself would first have to copy the pages of all that it touches.
    """

    def __init__(self) -> None:
        for module, name in _THREAD_STARTERS:
            setattr(module, name, refuse_thread)
        self.importable = frozenset(sys.modules)
        # A program that changes builtins changes them for itself.
        self.builtins = types.ModuleType(builtins.__name__)
        self.builtins.__dict__.update(vars(builtins))
        sys.argv = [FILE_NAME]
        sys.path = []
        sys.path_importer_cache.clear()
        gc.collect()
        # Collections in a child then leave these objects alone, and their pages shared.
        gc.freeze()


def run(
    descriptors: Sequence[int],
    nothing: int,
    preparations: Preparations,
    confinement: Confinement,
    plan: Plan,
) -> NoReturn:
    """Be the child, to the end.

    Args:
        descriptors: Of the request, of what is printed, and of the results.
        nothing: A descriptor that is always at its end.
        preparations: What was done before forking.
        confinement: The layers.
        plan: What to be shut in by.
    """
    request, output, results = descriptors
    _arrange_descriptors((nothing, output, output, results, request))
    try:
        layers = confinement.enter(plan)
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be run
        _write(["unsafe", f"{type(error).__name__}: {error}"[:MAX_MESSAGE]])
        _exit(EXIT_NOT_CONFINED)
    _write(["confined", layers])
    exit_code = EXIT_BROKEN
    try:
        token, source, steps = json.loads(_read_request())
        _Program(preparations, token, source, steps).run()
        exit_code = EXIT_FINISHED
    except MemoryError:
        exit_code = EXIT_OUT_OF_MEMORY
    finally:
        # Whatever the program left behind (handlers, objects with __del__) isn't asked.
        _exit(exit_code)


class _Program:
    """The program under test, with all that is needed to report on it in local hands."""

    def __init__(
        self, preparations: Preparations, token: str, source: str, steps: Sequence[str]
    ) -> None:
        self._preparations = preparations
        self._token = token.encode()
        self._source = source
        self._steps = steps
        self._output = sys.stdout
        self._bytes_left = MAX_RESULT_BYTES - _RESERVED_BYTES_A_STEP * len(steps)
        self._module = types.ModuleType(MODULE_NAME)
        self._module.__file__ = FILE_NAME

    def run(self) -> None:
        self._make_room()
        self._load()
        _write_all(self._token + _encode(["finished"]))

    def _make_room(self) -> None:
        """Put the module where a program expects itself, and nothing of ours beside it."""
        sys.modules[MODULE_NAME] = self._module
        sys.modules[builtins.__name__] = self._preparations.builtins
        self._module.__dict__["__builtins__"] = self._preparations.builtins.__dict__
        lines = self._source.splitlines(keepends=True)
        linecache.cache[FILE_NAME] = (len(self._source), None, lines, FILE_NAME)
        # The same program gets the same verdict each time.
        random.seed(0)

    def _load(self) -> None:
        namespace = self._module.__dict__
        try:
            exec(compile(self._source, FILE_NAME, "exec", dont_inherit=True), namespace)  # noqa: S102 - the purpose of it all
        except BaseException as error:  # noqa: BLE001 - a program may raise anything
            self._flush()
            self._report("load_failed", self._describe(error))
            return
        self._flush()
        _write_all(self._token + _encode(["loaded"]))
        for number, step in enumerate(self._steps):
            self._take(number, step, namespace)

    def _take(self, number: int, step: str, namespace: dict[str, object]) -> None:
        try:
            outcome = ["returned", _evaluate(step, namespace)]
        except BaseException as error:  # noqa: BLE001
            outcome = self._describe(error)
        self._flush()
        self._report("step", outcome, number)

    def _report(self, kind: str, outcome: list[Tagged], *number: int) -> None:
        line = _encode([kind, *number, *outcome])
        if len(line) > self._bytes_left + _RESERVED_BYTES_A_STEP:
            line = _encode([kind, *number, outcome[0], opaque_in_place_of(outcome[1])])
        self._bytes_left -= len(line)
        _write_all(self._token + line)

    def _describe(self, error: BaseException) -> list[Tagged]:
        outcome = "inconclusive" if is_refusal(error, self._preparations.importable) else "raised"
        return [outcome, name_of(type(error)), _message_of(error)]

    def _flush(self) -> None:
        with contextlib.suppress(BaseException):
            io.TextIOWrapper.flush(self._output)  # type: ignore[arg-type]


def _evaluate(step: str, namespace: dict[str, object]) -> Tagged:
    try:
        code = compile(step, STEP_FILE_NAME, "eval", dont_inherit=True)
    except SyntaxError:
        exec(compile(step, STEP_FILE_NAME, "exec", dont_inherit=True), namespace)  # noqa: S102
        return None
    value = eval(code, namespace)  # noqa: S307
    if type(value) is types.CoroutineType:
        value.close()  # or it would warn, in what the program printed, that nobody awaited it
    return Tagger().tag(take_items(value))


def _message_of(error: BaseException) -> str:
    """What the exception was given to say; its own `__str__` might say it forever."""
    arguments = BaseException.args.__get__(error)  # type: ignore[attr-defined]
    plain = [a for a in arguments if id(type(a)) in _PLAIN]
    return ": ".join(str(a)[:MAX_MESSAGE] for a in plain)[:MAX_MESSAGE]


def _arrange_descriptors(wanted: Sequence[int]) -> None:
    """Make these 0, 1, 2, ..., and close all others: the zygote's socket above all."""
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


def _encode(record: list[Tagged]) -> bytes:
    return _encode_json(record).encode() + b"\n"


def _write(record: list[Tagged]) -> None:
    _write_all(_encode(record))


def _write_all(line: bytes) -> None:
    while line:
        line = line[_write_to(RESULTS, line) :]
