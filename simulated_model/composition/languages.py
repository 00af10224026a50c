"""Writes code in a language other than Python: a known solution, or a stub in that language."""

import ast
import re

from simulated_model.composition.code import describe, fixed_name, name_for
from simulated_model.composition.python import Function, main_definition
from simulated_model.instructions.directives import Instructions
from simulated_model.knowledge import Task

# The shape of a function that is still to be written, in each language.
SHAPES = {
    "javascript": "function {name}({bare}) {{\n  // {note}\n  throw new Error('not written');\n}}",
    "typescript": "function {name}({any}): any {{\n  // {note}\n  throw new Error('empty');\n}}",
    "rust": "fn {name}({rust}) -> i64 {{\n    // {note}\n    unimplemented!()\n}}",
    "go": "package main\n\nfunc {name}({bare} any) any {{\n\t// {note}\n\tpanic(1)\n}}",
    "java": (
        "class Solution {{\n    static Object {name}({java}) {{\n        // {note}\n"
        "        throw new UnsupportedOperationException();\n    }}\n}}"
    ),
    "csharp": (
        "static class Solution\n{{\n    public static object {name}({csharp})\n    {{\n"
        "        // {note}\n        throw new System.NotImplementedException();\n    }}\n}}"
    ),
    "cpp": "#include <vector>\n\nint {name}({int}) {{\n    // {note}\n    return 0;\n}}",
    "c": "#include <stddef.h>\n\nint {name}({int}) {{\n    /* {note} */\n    return 0;\n}}",
    "ruby": "def {name}({bare})\n  # {note}\n  raise NotImplementedError\nend",
    "php": "<?php\nfunction {name}({php}) {{\n    // {note}\n    throw new Exception();\n}}",
    "kotlin": "fun {name}({capital}): Any {{\n    // {note}\n    TODO()\n}}",
    "swift": "func {name}({capital}) -> Any {{\n    // {note}\n    fatalError()\n}}",
    "scala": "def {name}({capital}): Any = {{\n  // {note}\n  ???\n}}",
    "perl": "sub {name} {{\n    # {note}\n    die 'not written';\n}}",
    "lua": "function {name}({bare})\n  -- {note}\n  error('not written')\nend",
    "r": "{name} <- function({bare}) {{\n  # {note}\n  stop('not written')\n}}",
    "bash": "{name}() {{\n  # {note}\n  return 1\n}}",
    "haskell": "-- {note}\n{name} = undefined",
    "sql": "-- {note}\nSELECT * FROM {name};",
    "html": '<!-- {note} -->\n<main id="{name}"></main>',
    "text": "FUNCTION {name}({bare})\n    {note}\n    RETURN result\nEND FUNCTION",
}
OTHER_SHAPE = "// {note}\nfunction {name}({bare}) {{\n}}"
# How each shape writes a parameter.
PARAMETERS = {
    "bare": "{}",
    "any": "{}: any",
    "rust": "{}: i64",
    "java": "Object {}",
    "csharp": "object {}",
    "int": "int {}",
    "php": "${}",
    "capital": "{}: Any",
}
CAMEL_CASED = frozenset("javascript typescript java go kotlin swift scala csharp".split())


def write_foreign(request: str, task: Task | None, instructions: Instructions) -> str:
    """Write code in `instructions.language`, for a task that may be unknown."""
    language = instructions.language
    is_known = task is not None and task.javascript and not instructions.is_stub
    if task is not None and is_known and language in ("javascript", "typescript"):
        return _javascript(request, task, instructions)
    name = fixed_name(request) or (task.name if task is not None else name_for(request))
    if language in CAMEL_CASED and "_" in name:
        name = _camel_case(name)
    parameters = _parameters_of(task)
    written = {
        key: ", ".join(shape.format(name) for name in parameters)
        for key, shape in PARAMETERS.items()
    }
    note = f"{describe(task)}." if task is not None else "I don't know how to do this task."
    return SHAPES.get(language, OTHER_SHAPE).format(name=name, note=note, **written)


def _javascript(request: str, task: Task, instructions: Instructions) -> str:
    code = task.javascript
    if not instructions.docstring and code.startswith("/**"):
        code = code.partition("*/")[2].lstrip()
    name = fixed_name(request)
    declared = re.search(r"^(?:async\s+)?(?:function\*?|class|const|let)\s+(\w+)", code, re.M)
    if name and declared:
        code = re.sub(rf"(?<![\w.$]){declared.group(1)}\b", name, code)
    return code


def _parameters_of(task: Task | None) -> list[str]:
    main = main_definition(task.python) if task is not None else None
    if isinstance(main, Function):
        return [argument.arg for argument in main.args.args]
    if isinstance(main, ast.ClassDef):
        return []
    return ["input"]


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
