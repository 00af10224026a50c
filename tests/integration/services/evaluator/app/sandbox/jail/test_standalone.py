"""Sources run as programs by themselves: with an input, arguments, and what they print."""

import pytest

from services.evaluator.app.sandbox import JailSandbox, Opaque, ProgramRun, Step, StepResult

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARSER = "import argparse\np = argparse.ArgumentParser()\n"
ADD = "a, b = map(int, input().split())\nprint(a + b)\n"


async def run(sandbox: JailSandbox, source: str, *programs: Step) -> tuple[StepResult, ...]:
    execution = await sandbox.run(source, programs)
    assert execution.loaded, execution
    return execution.steps


@pytest.mark.parametrize(
    ("source", "stdin", "printed"),
    [
        (ADD, "2 3\n", "5\n"),
        (ADD, "2 3", "5\n"),
        ("import sys\nfor line in sys.stdin:\n    print(int(line) * 2)", "1\n2\n", "2\n4\n"),
        ("import sys\nprint(sum(map(int, sys.stdin.read().split())))", "1 2\n3", "6\n"),
        ("import sys\nprint(sys.stdin.readline().strip(), sys.stdin.readlines())", "a\nb\n",
         "a ['b\\n']\n"),
        ("import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])", "abc", "cba"),
        ("import sys\nprint('a')\nsys.stdout.buffer.write(b'b\\n')\nprint('c')", "", "a\nb\nc\n"),
        ("import os\nos.write(1, b'hi\\n')", "", "hi\n"),
        ("import os, sys\nprint('a')\nos.write(sys.stdout.fileno(), b'b\\n')\nprint('c')", "",
         "a\nb\nc\n"),
        ("import os, sys\nos.close(sys.stdin.fileno())\nos.write(1, b'a')", "", "a"),
        ("import os\nwith os.fdopen(1, 'w') as out:\n    out.write('x' * 9_999)", "", "x" * 9_999),
        ("import sys\nsys.stdout = open(sys.stdout.fileno(), 'w', closefd=False)\nprint('a')", "",
         "a\n"),
        ("import os\nclass Out:\n    def end(self):\n        os.write(1, b'a')\nOut().end()", "",
         "a"),
        ("print(open(0).read().split())", "1 2\n3", "['1', '2', '3']\n"),
        ("import os\nprint(os.read(0, 99))", "x", "b'x'\n"),
        ("import fileinput\nprint(len(list(fileinput.input())))", "a\nb", "2\n"),
        ("import sys\nprint(sys.stdin.isatty(), sys.stdin.fileno())", "", "False 0\n"),
        ("import sys\ninput = sys.stdin.readline\nprint(len(input()))", "ab\r\n", "3\n"),
        ("name = input('Name? ')\nprint('Hi ' + name)", "Al\n", "Name? Hi Al\n"),
        ("def main():\n    print(input())\nif __name__ == '__main__':\n    main()", "é ü", "é ü\n"),
        ("import sys\nprint('seen')\nprint('not seen', file=sys.stderr)", "", "seen\n"),
        ("print('a')\nraise SystemExit", "", "a\n"),
        ("import sys\nprint('a')\nsys.exit(0)", "", "a\n"),
        ("print('a')\nexit()", "", "a\n"),
        ("print('a')\nquit(0)", "", "a\n"),
        ("import sys\ndef main():\n    print('a')\nsys.exit(main())", "", "a\n"),
        ("import atexit\natexit.register(print, 'bye')\nprint('hi')", "", "hi\nbye\n"),
        ("import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nprint('a')", "", "a\n"),
        ("import logging, sys\nlogging.basicConfig(stream=sys.stdout)\nlogging.error('x')", "",
         "ERROR:root:x\n"),
        ("print(end='')", "", ""),
        ("from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\nprint(P(1))", "",
         "P(x=1)\n"),
    ],
)  # fmt: skip
async def test_it_gives_what_it_prints_each_time(
    sandbox: JailSandbox, source: str, stdin: str, printed: str
) -> None:
    steps = await run(sandbox, source, ProgramRun(stdin), ProgramRun(stdin))
    assert steps == (StepResult("returned", value=printed),) * 2


@pytest.mark.parametrize(
    ("source", "argv", "printed"),
    [
        ("import sys\nprint(sys.argv[1:])", ("a", "-b"), "['a', '-b']\n"),
        ("import sys\nprint(len(sys.argv))", (), "1\n"),
        (f"{PARSER}p.add_argument('n', type=int)\nprint(p.parse_args().n + 1)", ("4",), "5\n"),
        (f"{PARSER}p.add_argument('--up')\nprint(p.parse_args().up)", ("--up", "x"), "x\n"),
        ("import getopt, sys\nprint(getopt.getopt(sys.argv[1:], 'v')[0])", ("-v",),
         "[('-v', '')]\n"),
    ],
)  # fmt: skip
async def test_it_gets_its_arguments(
    sandbox: JailSandbox, source: str, argv: tuple[str, ...], printed: str
) -> None:
    (step,) = await run(sandbox, source, ProgramRun(argv=argv))
    assert step.value == printed


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (ADD, "EOFError", "EOF when reading a line"),
        ("import sys\nsys.exit(2)", "SystemExit", "2"),
        ("import sys\nsys.exit('usage: x')", "SystemExit", "usage: x"),
        ("exit(True)", "SystemExit", "True"),
        ("print(1)\nprint(1 / 0)", "ZeroDivisionError", "division by zero"),
        ("import sys\nsys.argv[1]", "IndexError", "list index out of range"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
    ],
)
async def test_a_bad_end_is_raised(
    sandbox: JailSandbox, source: str, error: str, message: str
) -> None:
    (step,) = await run(sandbox, source, ProgramRun())
    assert (step.outcome, step.error, step.message) == ("raised", error, message)


async def test_each_run_starts_anew_and_beside_the_loaded_module(sandbox: JailSandbox) -> None:
    source = (
        "count = 0\ndef more():\n    global count\n    count += 1\n    return count\nprint(more())"
    )
    execution = await sandbox.run(source, ["more()", ProgramRun(), "more()", ProgramRun()])
    assert [step.value for step in execution.steps] == [2, "1\n", 3, "1\n"]
    assert execution.output == "1\n1\n1\n"


async def test_a_program_is_not_executed_by_loading_it(sandbox: JailSandbox) -> None:
    execution = await sandbox.run(
        "print(input())\nn = 1\n", [ProgramRun("a"), ProgramRun("b"), "n"]
    )
    assert [step.value for step in execution.steps[:2]] == ["a\n", "b\n"]
    assert execution.steps[2].outcome == "inconclusive"
    assert (await sandbox.run("print(", [ProgramRun()])).status == "load_failed"


async def test_what_it_prints_is_bounded(sandbox: JailSandbox) -> None:
    execution = await sandbox.run("while True: print('x' * 9999)", [ProgramRun()])
    assert (execution.status, execution.limit) == ("stopped", "output")
    long = await sandbox.run("print('x' * 300_000)", [ProgramRun(), "1"])
    assert [step.value for step in long.steps] == [Opaque("str"), 1]


async def test_what_is_written_past_print_and_does_not_fit_tells_nothing(
    sandbox: JailSandbox,
) -> None:
    source = "import os\nfor number in range(9_999):\n    os.write(1, b'x')"
    assert [step.outcome for step in await run(sandbox, source, ProgramRun())] == ["inconclusive"]


@pytest.mark.parametrize(
    ("program", "outcome"),
    [
        ("import os\nos.write(1, b'a')", "inconclusive"),
        ("import sys\nsys.stdout.fileno()", "inconclusive"),
        ("import sys\nsys.stdout.buffer.write(b'a')", "returned"),
    ],
)
async def test_without_sockets_as_in_webassembly_there_is_no_descriptor(
    sandbox: JailSandbox, program: str, outcome: str
) -> None:
    without = "import socket\nif __name__ != '__main__':\n    del socket.socketpair\nelse:\n"
    source = f"{without}    exec({program!r})"
    (_, step) = await run(sandbox, source, "None", ProgramRun())
    assert step.outcome == outcome


@pytest.mark.parametrize(
    "program", [ProgramRun("x" * 65_537), ProgramRun(argv=("x" * 40_000, "y" * 40_000))]
)
async def test_inputs_count_as_steps_do(sandbox: JailSandbox, program: ProgramRun) -> None:
    execution = await sandbox.run("", [program])
    assert (execution.status, execution.layers) == ("inconclusive", ())


async def test_the_longest_input_is_read(sandbox: JailSandbox) -> None:
    source = "import os\nprint(len(input()) + len(os.read(0, 1)))"
    (step,) = await run(sandbox, source, ProgramRun("x" * 65_536))
    assert step.value == "65536\n"
