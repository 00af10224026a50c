"""Writes Python code for a request, as documented and typed as was asked for."""

import ast
import re

from simulated_model.composition.constructs import add_constructs
from simulated_model.composition.python import (
    is_valid_name,
    main_definition,
    rename_main,
    replace_bodies,
    replace_names,
    strip_docstrings,
    strip_type_hints,
)
from simulated_model.instructions.directives import Instructions
from simulated_model.knowledge import Task
from simulated_model.requested_names import requested_name

WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
MAX_NAME_WORDS = 4
READ_CHARACTERS = 400
# No identifier, and slow to look for one in.
OVERLONG_WORD = re.compile(r"\w{100,}")
NOT_IN_NAMES = frozenset(
    """a an the please can could would you i me my need want write create make implement give build
    develop generate code function method class program script python that which who this to of for
    in on with and or is are be it its into from as by takes take returns return given using use
    some simple new language output complete single block javascript""".split()
)


def write_python(request: str, task: Task | None, instructions: Instructions) -> str:
    """Write Python code for `task`; for an unknown one, a function that says so."""
    if task is None:
        return unknown_task_stub(request)
    name = fixed_name(request)
    code = rename_main(task.python, name) if name else task.python
    if not instructions.docstring:
        code = strip_docstrings(code)
    if not instructions.type_hints:
        code = strip_type_hints(code)
    if instructions.is_stub:
        code = replace_bodies(code, lambda _: [ast.Pass()])
        code = re.sub(r"^( *)pass$", r"\1# TODO: implement this\n\1pass", code, flags=re.M)
    if instructions.comments:
        code = f"# {describe(task)}\n{code}"
    code = add_constructs(code, instructions.constructs)
    if instructions.examples and not instructions.is_stub:
        code = f"{code}\n\n\n{write_example(task, code)}"
    return code


def write_example(task: Task, code: str) -> str:
    """Write a main block that shows what the code does."""
    main, known = main_definition(code), main_definition(task.python)
    names = {known.name: main.name} if main is not None and known is not None else {}
    example, _, result = task.example.partition("  # ")
    lines = replace_names(example, names).split("\n")
    if isinstance(ast.parse(example).body[-1], ast.Expr) and not lines[-1].startswith("print("):
        lines[-1] = f"print({lines[-1]})"
    lines[-1] += f"  # {result}" if result else ""
    return "\n".join(['if __name__ == "__main__":', *(f"    {line}" for line in lines)])


def unknown_task_stub(request: str) -> str:
    """Write a function that says that the model doesn't know the task."""
    return (
        f"def {name_for(request)}(*args):\n"
        "    # TODO: I don't know how to do this task.\n"
        '    raise NotImplementedError("this task is unknown to the model")'
    )


def name_for(request: str) -> str:
    """Return the name that a request fixes, else one made of its most telling words."""
    name = fixed_name(request)
    if name:
        return name
    words = [word.lower() for word in WORD.findall(request[:READ_CHARACTERS])]
    telling = [word for word in words if word not in NOT_IN_NAMES][:MAX_NAME_WORDS]
    made = "_".join(telling)
    return made if is_valid_name(made) else "solve_task"


def fixed_name(request: str) -> str:
    """Return the function or class name that a request fixes; empty where it fixes none."""
    name = requested_name(OVERLONG_WORD.sub(" ", request))
    return name if is_valid_name(name) else ""


def describe(task: Task) -> str:
    """Describe a task in a few words."""
    return task.name.replace("_", " ").capitalize()
