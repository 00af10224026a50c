"""Which exceptions show a program's fault, and which only that the sandbox has no such thing."""

import errno
import socket
import sqlite3
import sys
import threading
import traceback
import urllib.error

import pytest

from services.evaluator.app.sandbox.jail.refusals import (
    ThreadRefusedError,
    is_refusal,
    refuse_thread,
)

IMPORTABLE = frozenset({"math", "json"})


def raised_by(source: str) -> BaseException:
    """What a program raises, with the traceback that it gets."""
    try:
        exec(compile(source, "<answer>", "exec"), {"__name__": "answer"})
    except BaseException as error:  # noqa: BLE001 - a program may raise anything
        return error
    raise AssertionError("it raised nothing")


@pytest.mark.parametrize(
    "source",
    [
        "open('/nonexistent/file')",
        "open('/proc/1/mem')",
        "import os; os.listdir('/nonexistent')",
        "import os; os.stat('/nonexistent')",
        "import os\ntry:\n    os.stat('/nonexistent')\nexcept OSError:\n    raise",
        "import pathlib; pathlib.Path('/nonexistent').read_text()",
        "import nonexistent_module",
        "from nonexistent_module import name",
        "import json.nonexistent_module",
        "__import__('nonexistent_module')",
        "import importlib; importlib.import_module('nonexistent_module')",
        "import sqlite3; sqlite3.connect('/nonexistent/db')",
    ],
)
def test_the_sandbox_was_in_the_way(source: str) -> None:
    assert is_refusal(raised_by(source), IMPORTABLE)


@pytest.mark.parametrize(
    "source",
    [
        "raise PermissionError(1, 'no')",
        "raise PermissionError",
        "raise FileNotFoundError(2, 'no such file')",
        "raise OSError(13, 'no')",
        "raise ImportError('x', name='numpy')",
        "raise ModuleNotFoundError('x', name='numpy')",
        "def f():\n    raise PermissionError(1, 'no')\nf()",
        "exec(\"raise PermissionError(1, 'no')\")",
        "try:\n    open('/nonexistent')\nexcept OSError as e:\n    raise OSError(1, 'x') from e",
        'raise RuntimeError("can\'t start new thread")',
        "from math import nonexistent",
        "from json import nonexistent",
        "import math.nonexistent.deeper",
        "1 / 0",
        "undefined",
        "[][0]",
        "{}['key']",
        "raise SystemExit",
        "raise KeyboardInterrupt",
        "x =",
        "class Own(PermissionError): pass\nraise Own(1, 'no')",
        "import os; os.fdopen(-1)",
        "import json; json.loads('{')",
        "import sqlite3; sqlite3.connect(':memory:').execute('nonsense')",
    ],
)
def test_it_was_the_programs_fault(source: str) -> None:
    importable = IMPORTABLE | ({"math.nonexistent"} if "deeper" in source else set())
    assert not is_refusal(raised_by(source), importable)


def test_a_thread_that_may_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "_start_joinable_thread" if sys.version_info >= (3, 13) else "_start_new_thread"
    monkeypatch.setattr(threading, name, refuse_thread)
    error = raised_by("import threading; threading.Thread(target=int).start()")
    assert type(error) is ThreadRefusedError
    assert is_refusal(error, IMPORTABLE)


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        (PermissionError(errno.EPERM, "x"), True),
        (PermissionError(errno.EACCES, "x"), True),
        (FileNotFoundError(errno.ENOENT, "x"), True),
        (OSError(errno.ENOTTY, "x"), True),
        (OSError(errno.EBADF, "x"), False),
        (OSError(errno.EINVAL, "x"), False),
        (OSError("x"), False),
        (FileExistsError(errno.EEXIST, "x"), False),
        (socket.gaierror(-3, "x"), True),
        (urllib.error.URLError("x"), True),
        (ImportError("x"), False),
        (ImportError("x", name="math"), False),
        (ImportError("x", name="numpy"), True),
        (sqlite3.OperationalError("x"), False),
        (ValueError("x"), False),
    ],
    ids=repr,
)
def test_errors_without_a_statement_that_raised_them(error: BaseException, refused: bool) -> None:
    assert error.__traceback__ is None
    assert is_refusal(error, IMPORTABLE) is refused


def test_an_exception_that_lies_about_its_class_is_not_asked() -> None:
    error = raised_by("""
class Meta(type):
    def __eq__(cls, other): return True
    def __hash__(cls): return 0
class Liar(Exception, metaclass=Meta):
    errno = 1
    name = 'numpy'
    __class__ = PermissionError
    def __getattribute__(self, name): raise SystemExit
raise Liar
""")
    assert not is_refusal(error, IMPORTABLE)


def test_the_innermost_frame_decides() -> None:
    error = raised_by("def f():\n    open('/nonexistent')\nf()")
    assert [frame.name for frame in traceback.extract_tb(error.__traceback__)][-1] == "f"
    assert is_refusal(error, IMPORTABLE)
