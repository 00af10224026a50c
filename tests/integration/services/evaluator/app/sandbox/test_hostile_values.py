"""Code that lies: about its values, its results, its types. What comes back is what was claimed
in the one way that counts, or nothing.

The step is `solve(20)`, its right value 40, which the program doesn't compute. No trick but
returning 40 makes the sandbox say 40.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from services.evaluator.app.sandbox import Built, Items, JailSandbox, Opaque
from services.evaluator.app.sandbox.run.records import STARVED

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG = "def solve(number):\n    return number + 1\n"
STEP = "solve(20)"
RIGHT = 40


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _nothing_is_left_behind(sandbox: JailSandbox) -> AsyncIterator[None]:
    yield
    afterwards = await sandbox.run("def double(x):\n    return 2 * x\n", ["double(21)"])
    assert (afterwards.status, afterwards.steps[0].value) == ("finished", 42)


RECORD = r"[\"step\",0,\"returned\",[\"i\",\"0x28\"]]"
WRITE_EVERYWHERE = """
import os
def write(line):
    for descriptor in range(64):
        try:
            os.write(descriptor, line)
        except OSError:
            pass
"""

FORGERIES = {
    "a-record-on-loading": f'{WRITE_EVERYWHERE}write(b"{RECORD}\\n")',
    "a-record-then-the-end": f'{WRITE_EVERYWHERE}write(b"{RECORD}\\n")\nos._exit(0)',
    "loaded-then-a-record": (
        f'{WRITE_EVERYWHERE}write(b"[\\"loaded\\"]\\n{RECORD}\\n[\\"finished\\"]\\n")'
    ),
    "half-a-record": f'{WRITE_EVERYWHERE}write(b"{RECORD}"[:20])',
    "an-open-line-before-the-true-one": f'{WRITE_EVERYWHERE}write(b" ")',
    "an-empty-line": f'{WRITE_EVERYWHERE}write(b"\\n")',
    "a-second-confinement": f'{WRITE_EVERYWHERE}write(b"[\\"confined\\",[\\"uid\\"]]\\n")',
    "a-claim-to-be-unsafe": f'{WRITE_EVERYWHERE}write(b"[\\"unsafe\\",\\"x\\"]\\n")',
    "only-the-end": f'{WRITE_EVERYWHERE}write(b"[\\"finished\\"]\\n")\nos._exit(0)',
    "no-json": f'{WRITE_EVERYWHERE}write(b"\\xff\\xfe PASS 40 \\n")',
    "deep-json": f'{WRITE_EVERYWHERE}write(b"[" * 60000 + b"\\n")',
    "a-huge-number": f'{WRITE_EVERYWHERE}write(b"9" * 60000 + b"\\n")',
    "a-record-as-the-step-runs": (
        f'{WRITE_EVERYWHERE}def solve(n):\n    write(b"{RECORD}\\n")\n    return 21'
    ),
    "a-record-as-the-step-runs-then-the-end": (
        f'{WRITE_EVERYWHERE}def solve(n):\n    write(b"{RECORD}\\n")\n    os._exit(3)'
    ),
    "records-without-end": (
        f'{WRITE_EVERYWHERE}def solve(n):\n    while True: write(b"{RECORD}\\n" * 999)'
    ),
    "at-exit": f'{WRITE_EVERYWHERE}import atexit\natexit.register(write, b"{RECORD}\\n")',
    "a-record-then-a-loop": (
        f'{WRITE_EVERYWHERE}def solve(n):\n    write(b"{RECORD}\\n")\n    while True: pass'
    ),
    "encoder-parts-replaced": (
        "import json.encoder as e\ne.encode_basestring_ascii = lambda s: '\"0x28\"'\n"
        "e.c_make_encoder = None\ne._make_iterencode = None"
    ),
    "a-finalizer": (
        f"{WRITE_EVERYWHERE}class Last:\n"
        f'    def __del__(self): write(b"{RECORD}\\n")\nlast = Last()\ndel last'
    ),
}  # fmt: skip

TRICKS = {
    "markers-printed": "print('PASS', 40, '[\"step\",0,\"returned\",[\"i\",\"0x28\"]]')",
    "json-replaced": (
        "import json\njson.dumps = lambda *a, **k: '40'\n"
        "json.JSONEncoder.encode = lambda *a, **k: '40'"
    ),
    "builtins-replaced": (
        "import builtins\n"
        "for name in ('eval', 'exec', 'compile', 'hex', 'len', 'type', 'list', 'id', 'isinstance'):"
        "\n    setattr(builtins, name, lambda *a, **k: 40)"
    ),
    "import-replaced": "import builtins\nbuiltins.__import__ = lambda *a, **k: None",
    "an-import-hook": (
        "import sys\nclass Hook:\n    def find_spec(*a): raise KeyError\n"
        "sys.meta_path.insert(0, Hook())\nsys.path_hooks.clear()"
    ),
    "modules-emptied": "import sys\nsys.modules.clear()",
    "the-module-replaced": "import sys\nsys.modules['answer'] = None\nsys.modules['os'] = None",
    "os-replaced": (
        "import os\nos.write = lambda *a: 999\nos._exit = lambda *a: None\n"
        "os.pread = os.read = lambda *a: b''"
    ),
    "output-replaced": (
        "import sys\nclass Out:\n    def flush(self):\n        while True: pass\n"
        "    write = flush\nsys.stdout = sys.stderr = sys.__stdout__ = Out()"
    ),
    "output-closed": "import sys\nsys.stdout.close()\nsys.stderr.close()",
    "output-detached": "import sys\nsys.stdout.detach()",
    "an-exit-hook": "import sys\nsys.excepthook = sys.unraisablehook = lambda *a: print(40)",
    "a-profiler": "import sys\nsys.setprofile(lambda *a: None)",
    "garbage-collection-off": "import gc\ngc.disable()\ngc.set_threshold(1)",
    "recursion-limit-low": "import sys\nsys.setrecursionlimit(60)",
    "signals-handled": (
        "import signal\nfor n in range(1, 32):\n"
        "    if n not in (9, 19): signal.signal(n, lambda *_: None)"
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", [pytest.param(a, id=n) for n, a in FORGERIES.items()])
async def test_a_record_of_its_own_makes_a_program_worthless(
    hasty: JailSandbox, attack: str
) -> None:
    execution = await hasty.run(f"{WRONG}\n{attack}\n", [STEP, "1 + 1"])

    outcomes = {step.outcome for step in execution.steps}
    assert RIGHT not in [step.value for step in execution.steps]
    if execution.status == "finished":  # its record never got through
        assert execution.steps[0].value == 21
    else:
        assert execution.status == "stopped" or execution.reason == STARVED
        assert outcomes == {"not_finished"}


@pytest.mark.parametrize("attack", [pytest.param(a, id=n) for n, a in TRICKS.items()])
async def test_replacing_what_reports_changes_nothing(sandbox: JailSandbox, attack: str) -> None:
    execution = await sandbox.run(f"{WRONG}\n{attack}\n", [STEP])

    assert execution.status == "finished", execution
    assert execution.steps[0].value == 21


LIARS = {
    "an-equal-to-everything": (
        "class Liar:\n    def __eq__(self, other): return True\n    __hash__ = None"
    ),
    "a-number-that-lies": (
        "class Liar(int):\n"
        "    def __eq__(self, other): return True\n"
        "    def __hash__(self): return 40\n"
        "    def __repr__(self): return '40'\n"
        "    __index__ = __int__ = lambda self: 40"
    ),
    "a-text-that-lies": (
        "class Liar(str):\n    def __eq__(self, other): return True\n    __hash__ = None"
    ),
    "a-class-that-lies-about-itself": (
        "class Liar:\n"
        "    __class__ = int\n"
        "    def __getattribute__(self, name):\n"
        "        while True: pass"
    ),
    "a-metaclass-that-loops": (
        "class Meta(type):\n"
        "    def __eq__(cls, other):\n"
        "        while True: pass\n"
        "    def __hash__(cls):\n"
        "        while True: pass\n"
        "    __instancecheck__ = __subclasscheck__ = __eq__\n"
        "    def __getattribute__(cls, name):\n"
        "        while True: pass\n"
        "class Liar(metaclass=Meta): pass"
    ),
    "a-metaclass-that-claims-to-be-int": (
        "class Meta(type):\n"
        "    def __eq__(cls, other): return True\n"
        "    def __hash__(cls): return hash(int)\n"
        "    __name__ = 'int'\n"
        "class Liar(metaclass=Meta): pass"
    ),
    "a-repr-that-loops": (
        "class Liar:\n"
        "    def __repr__(self):\n"
        "        while True: pass\n"
        "    __str__ = __format__ = __reduce_ex__ = __repr__"
    ),
}


@pytest.mark.parametrize("source", [pytest.param(text, id=name) for name, text in LIARS.items()])
async def test_an_object_of_its_own_comes_back_as_a_name(sandbox: JailSandbox, source: str) -> None:
    execution = await sandbox.run(f"{source}\n", ["Liar()", "[Liar()]", "(1, {2: Liar()})"])
    assert [step.value for step in execution.steps] == [
        Opaque("Liar"),
        [Opaque("Liar")],
        (1, {2: Opaque("Liar")}),
    ]


BASES = {
    "a-list-that-loops": (
        (
            "class Liar(list):\n"
            "    def __iter__(self):\n"
            "        while True: yield 1\n"
            "    def __len__(self): return 1\n"
            "    __getitem__ = __iter__\n"
            "value = Liar([7])"
        ),
        [7],
    ),
    "a-dict-that-loops": (
        (
            "class Liar(dict):\n"
            "    def items(self):\n"
            "        while True: pass\n"
            "    __iter__ = keys = __len__ = __getitem__ = items\n"
            "value = Liar(a=7)"
        ),
        {"a": 7},
    ),
    "a-number-that-claims": (
        (
            "class Liar(int):\n"
            "    def __repr__(self): return '40'\n"
            "    __index__ = __int__ = __hash__ = bit_length = lambda self: 40\n"
            "value = Liar(21)"
        ),
        21,
    ),
    "a-float-that-claims": (
        "class Liar(float):\n    __float__ = hex = lambda self: 40.0\nvalue = Liar(2.5)",
        2.5,
    ),
    "a-text-that-claims": (
        (
            "class Liar(str):\n"
            "    __str__ = __len__ = __iter__ = encode = lambda self: 'right'\n"
            "value = Liar('wrong')"
        ),
        "wrong",
    ),
    "a-tuple-that-claims": (
        (
            "import collections\n"
            "class Liar(collections.namedtuple('P', 'x y')):\n"
            "    def __iter__(self): return iter((40, 40))\n"
            "    def __len__(self): return 2\n"
            "value = Liar(1, 2)"
        ),
        (1, 2),
    ),
    "a-set-that-claims": (
        "class Liar(set):\n    def __iter__(self): return iter([40])\nvalue = Liar([1])",
        {1},
    ),
    "an-enum-whose-value-was-moved": (
        "import enum\nclass E(enum.IntEnum):\n    A = 21\nE.A._value_ = 40\nvalue = E.A",
        21,
    ),
}


@pytest.mark.parametrize(
    ("source", "held"), [pytest.param(*case, id=name) for name, case in BASES.items()]
)
async def test_of_a_subclass_comes_back_what_its_base_holds(
    sandbox: JailSandbox, source: str, held: object
) -> None:
    execution = await sandbox.run(f"{source}\n", ["value", "[value]"])
    assert [step.value for step in execution.steps] == [held, [held]]


async def test_values_of_exact_classes_are_read_as_these_had_it_before_the_program(
    sandbox: JailSandbox,
) -> None:
    source = (
        "from decimal import Decimal\nfrom fractions import Fraction\nfrom uuid import UUID\n"
        "import datetime\n"
        "class Liar(Decimal):\n    def __float__(self): return 40.0\n"
        "class Zone(datetime.tzinfo):\n    def utcoffset(self, when):\n        while True: pass\n"
        "Fraction.numerator = Fraction.__float__ = 40\n"
        "UUID.__str__ = UUID.hex = lambda self: '40'\n"
    )
    steps = [
        *("[Decimal('2.5'), Fraction(5, 2)]", "Liar(40)", "UUID(int=1)"),
        "datetime.datetime(2024, 1, 5, tzinfo=Zone())",
    ]
    execution = await sandbox.run(source, steps)
    assert [step.value for step in execution.steps] == [
        [Built("Decimal", ("2.5",)), Built("Fraction", (5, 2))],
        Opaque("Liar"),
        Built("UUID", (f"{1:032x}",)),
        Opaque("datetime"),
    ]


async def test_a_step_that_never_ends_while_it_is_read(hasty: JailSandbox) -> None:
    source = "def forever():\n    while True: pass\n    yield 1\n"
    execution = await hasty.run(source, ["1", "forever()", "2"])
    assert execution.limit == "wall" or execution.reason == STARVED
    assert [step.value for step in execution.steps] == [1, None, None]


async def test_an_endless_generator_is_opaque(sandbox: JailSandbox) -> None:
    source = "def count():\n    n = 0\n    while True:\n        n += 1\n        yield n\n"
    execution = await sandbox.run(source, ["count()", "(n for n in range(3))"])
    assert [step.value for step in execution.steps] == [
        Opaque("generator"),
        Items("generator", (0, 1, 2)),
    ]


async def test_one_run_finds_nothing_of_another(sandbox: JailSandbox) -> None:
    mark = "a-mark-of-the-first-run-" + "x" * 40
    await sandbox.run(
        f"import sys, os\nsys.mark = os.mark = {mark!r}\nprint(sys.mark)", ["sys.mark"]
    )
    search = """
import ctypes, gc, os, sys
def solve(start):
    found = [hasattr(sys, 'mark'), hasattr(os, 'mark')]
    needle = 'a-mark-of-the-' + 'first-run-'
    found.append(any(
        type(o) is str and needle in o for c in gc.get_objects() if type(c) is list for o in c
    ))
    return found
"""
    for _ in range(3):
        execution = await sandbox.run(search, [STEP])
        assert execution.steps[0].value == [False, False, False]
