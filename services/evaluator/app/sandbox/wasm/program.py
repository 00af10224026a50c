"""Builds the code for the WebAssembly machine: our own, which then runs the program."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from services.evaluator.app.sandbox.run.request import Step, plain_steps

_FOLDER = Path(__file__).parents[1] / "jail"
_MODULES = (
    *("clock", "constructors", "tagging", "refusals"),
    *("event_loop", "standalone", "program"),
)

# Nothing of Python's lasts from one run to the next, so the modules are made anew each time.
# What is printed goes to standard error: standard output is the results' channel here.
_START = """
import asyncio, json, sys, types
sources, token, source, steps = json.loads({request})
jail = types.ModuleType("jail")
jail.__path__ = []
sys.modules["jail"] = jail
for name, text in sources.items():
    module = types.ModuleType("jail." + name)
    module.__package__ = "jail"
    sys.modules[module.__name__] = module
    exec(compile(text, "<sandbox>", "exec"), module.__dict__)
def run(channel=sys.stdout):
    def write(line):
        channel.write(line.decode())
        channel.flush()
    sys.stdout = sys.stderr
    sys.modules["jail.clock"].CLOCK.install()
    program = sys.modules["jail.program"]
    program.Program(program.Preparations(), write, token, source, steps).run()
# The machine runs all this in an event loop, and a program may want one of its own.
outer = asyncio._get_running_loop()
asyncio._set_running_loop(None)
run()
asyncio._set_running_loop(outer)
"""


def code_for(token: str, source: str, steps: Sequence[Step]) -> str:
    """Build the code of one run: our modules, the request, and what runs it."""
    request = json.dumps([_sources(), token, source, plain_steps(steps)])
    return _START.format(request=repr(request))


@cache
def _sources() -> dict[str, str]:
    return {name: (_FOLDER / f"{name}.py").read_text(encoding="utf-8") for name in _MODULES}
