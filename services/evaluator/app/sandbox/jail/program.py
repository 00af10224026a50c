"""The program under test: loads it, takes the steps, and reports on each as soon as it ended.

It writes its results as JSON, one record a line, strictly in this order: `loaded` or `load_failed`;
a `step` for each step, in order; `finished`. Each begins with the run's token. The reader takes
anything else for a program that wrote to the channel itself.

The token keeps out programs that write such records, not those that search this process for it.
Nothing could: a program that knows what to claim can as well return it.
"""

import _thread
import ast
import atexit
import builtins
import contextlib
import gc
import io
import json
import linecache
import random
import site
import sys
import threading
import types
from collections.abc import Callable, Sequence
from typing import Any

from . import event_loop
from .clock import CLOCK
from .refusals import NoArguments, NoInput, is_refusal, refuse_thread
from .standalone import ARGV_0, ended_well, run_standalone
from .tagging import Tagged, Tagger, name_of, opaque_in_place_of, take_items

MODULE_NAME = "answer"
FILE_NAME = "<answer>"
STEP_FILE_NAME = "<step>"
MAX_MESSAGE = 200
# What a run may write as results; beyond it, values become opaque.
MAX_RESULT_BYTES = 1 << 20
# Room for names and messages, each character of which may take 12 bytes of JSON.
_RESERVED_BYTES_A_STEP = 4096
# Who reads one of these clocks sees no time pass that isn't there.
_UNMOVED_CLOCKS = frozenset({"now", "utcnow", "today"})
_READS_ARGUMENTS = frozenset({"argv", "argparse", "getopt"})
_PLAIN = frozenset(map(id, (str, int, float, bool)))

# Taken before any program could put its own in its place.
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
    """Prepares what all children have in common, once, before forking.

    A child that did this itself would first have to copy the pages of all that it touches.
    """

    def __init__(self) -> None:
        for module, name in _THREAD_STARTERS:
            setattr(module, name, refuse_thread)
        self.importable = frozenset(sys.modules)
        atexit._clear()
        site.setquit()
        # A program that changes builtins changes them for itself.
        self.builtins = types.ModuleType(builtins.__name__)
        self.builtins.__dict__.update(vars(builtins))
        sys.argv = NoArguments([ARGV_0])
        event_loop.install()
        sys.stdin = NoInput()
        sys.path = []
        sys.path_importer_cache.clear()
        gc.collect()
        # Collections in a child then leave these objects alone, and their pages shared.
        gc.freeze()


class Program:
    """The program under test; writes a record of each thing that it does.

    Args:
        write: Takes the records, a line at a time.
        token: What each record begins with.
        steps: The steps to take: each the source of an expression or a statement, or the input and
            the arguments for a run of the program by itself. Where the first is such a run, loading
            only compiles the program, and the first source that follows executes it.
    """

    def __init__(
        self,
        preparations: Preparations,
        write: Callable[[bytes], None],
        token: str,
        source: str,
        steps: Sequence[Any],
    ) -> None:
        self._preparations = preparations
        self._write = write
        self._token = token.encode()
        self._source = source
        self._steps = steps
        self._output, self._errors = sys.stdout, sys.stderr
        self._bytes_left = MAX_RESULT_BYTES - _RESERVED_BYTES_A_STEP * len(steps)
        self._is_executed = False
        self._names: set[str] = set()
        self._awaiter = event_loop.Awaiter()

    def run(self) -> None:
        """Load the program, take the steps, and write a record of each."""
        self._make_room()
        if self._load():
            for number, step in enumerate(self._steps):
                self._take(number, step)
        self._write(self._token + encode(["finished"]))

    def _make_room(self) -> None:
        """Put the module where a program expects itself, and nothing of ours beside it."""
        sys.modules[builtins.__name__] = self._preparations.builtins
        self._module = self._fresh_module(MODULE_NAME)
        lines = self._source.splitlines(keepends=True)
        linecache.cache[FILE_NAME] = (len(self._source), None, lines, FILE_NAME)
        # The same program comes to the same outcome each time.
        random.seed(0)

    def _fresh_module(self, name: str) -> types.ModuleType:
        module = sys.modules[name] = types.ModuleType(name)
        module.__file__ = FILE_NAME
        module.__dict__["__builtins__"] = self._preparations.builtins.__dict__
        return module

    def _load(self) -> bool:
        try:
            self._code = compile(self._source, FILE_NAME, "exec", dont_inherit=True)
            self._names = names_in(self._code)
            CLOCK.is_real = not _UNMOVED_CLOCKS.isdisjoint(self._names)
            if not self._steps or isinstance(self._steps[0], str):
                self._execute()
        except BaseException as error:  # noqa: BLE001 - a program may raise anything
            self._flush()
            self._report("load_failed", self._describe(error))
            return False
        self._flush()
        self._write(self._token + encode(["loaded"]))
        return True

    def _execute(self) -> None:
        self._is_executed = True
        try:
            exec(self._code, self._module.__dict__)  # noqa: S102 - the purpose of it all
        except SystemExit as ending:
            if not ended_well(ending):
                raise

    def _take(self, number: int, step: str | list[Any]) -> None:
        try:
            if isinstance(step, list):
                module = self._fresh_module("__main__")
                text = run_standalone(self._code, module, self._errors, *step)
                outcome = ["returned", Tagger().tag(text)]
            else:
                if not self._is_executed:
                    self._execute()
                outcome = ["returned", self._evaluate(step)]
        except BaseException as error:  # noqa: BLE001
            outcome = self._describe(error, has_arguments=isinstance(step, list))
        self._flush()
        self._report("step", outcome, number)

    def _evaluate(self, step: str) -> Tagged:
        try:
            code = _compile_step(step, "eval")
        except SyntaxError:
            self._awaiter.settle(eval(_compile_step(step, "exec"), self._module.__dict__))  # noqa: S307
            return None
        value = self._awaiter.settle(eval(code, self._module.__dict__))  # noqa: S307
        return Tagger().tag(take_items(value))

    def _report(self, kind: str, outcome: list[Tagged], *number: int) -> None:
        line = encode([kind, *number, *outcome])
        if len(line) > self._bytes_left + _RESERVED_BYTES_A_STEP:
            line = encode([kind, *number, *_shortened(outcome)])
        self._bytes_left -= len(line)
        self._write(self._token + line)

    def _describe(self, error: BaseException, *, has_arguments: bool = False) -> list[Tagged]:
        is_refused = is_refusal(error, self._preparations.importable)
        if type(error) is SystemExit and not has_arguments:
            # It ends since it was given none.
            is_refused = not _READS_ARGUMENTS.isdisjoint(self._names)
        outcome = "inconclusive" if is_refused else "raised"
        return [outcome, name_of(type(error)), _message_of(error)]

    def _flush(self) -> None:
        with contextlib.suppress(BaseException):
            io.TextIOWrapper.flush(self._output)  # type: ignore[arg-type]


def _compile_step(step: str, mode: str) -> types.CodeType:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: types.CodeType = compile(step, STEP_FILE_NAME, mode, flags=flags, dont_inherit=True)
    return code


def names_in(code: types.CodeType) -> set[str]:
    """Return the names of globals and attributes that a program uses, at any depth."""
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return set(code.co_names).union(*map(names_in, inner))


def _shortened(outcome: list[Tagged]) -> list[Tagged]:
    """Shorten an outcome, for a run that has written nearly all that it may."""
    if outcome[0] == "returned":
        return ["returned", opaque_in_place_of(outcome[1])]
    return [*outcome[:-1], ""]


def _message_of(error: BaseException) -> str:
    """Join an exception's plain arguments; its own `__str__` might run forever."""
    arguments = BaseException.args.__get__(error)  # type: ignore[attr-defined]
    plain = [a for a in arguments if id(type(a)) in _PLAIN]
    return ": ".join(str(a)[:MAX_MESSAGE] for a in plain)[:MAX_MESSAGE]


def encode(record: list[Tagged]) -> bytes:
    """Encode a record as one line of the results."""
    return _encode_json(record).encode() + b"\n"
