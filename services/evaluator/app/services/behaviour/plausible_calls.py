"""Plans plausible calls of a function by its parameters and the request's words."""

import ast
from collections.abc import Iterator

from services.evaluator.app.services.behaviour.arguments import choose_arguments
from services.evaluator.app.services.behaviour.returning import gives_a_value
from services.evaluator.app.services.behaviour.target import Target, constructor_of, is_static
from services.evaluator.app.services.code.syntax import Function

MAX_CALLS = 6
MAX_ARGUMENTS = 8
MAX_FILLERS = 2
# Unlikely to be a name of the answer's own.
OBJECT = "_probe_object"


def plan_calls(target: Target, user_input: str) -> tuple[tuple[str, ...], ...]:
    """Plan up to six calls that a right answer should be able to take; pure.

    Returns:
        The steps of each; the last one is the call.
    """
    if isinstance(target.definition, ast.ClassDef):
        return tuple(_class_calls(target.definition, user_input))[:MAX_CALLS]
    written = _write_arguments(target.definition, user_input, is_method="." in target.call)
    return tuple(dict.fromkeys((f"{target.call}({arguments})",) for arguments in written))


def _write_arguments(function: Function | None, request: str, *, is_method: bool) -> list[str]:
    """Write three lists of what must be given; none where that is too much."""
    if function is None:
        return [""]
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = positional[: len(positional) - len(arguments.defaults)]
    if is_method and not is_static(function):
        needed = needed[1:]
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    keywords = [argument for argument, default in named if default is None]
    defaults: list[ast.expr | None] = [None] * (len(needed) + len(keywords))
    if not defaults and positional and not is_method:
        # Everything has a default, and yet something is there to be given.
        needed, defaults = positional[:1], [*arguments.defaults[:1]]
    if arguments.vararg is not None and not needed:
        one = ast.arg(arguments.vararg.arg.rstrip("s"), arguments.vararg.annotation)
        needed, defaults = [one] * 3, [None, None, None, *defaults]
    if len(defaults) > MAX_ARGUMENTS:
        return []
    chosen = choose_arguments([*needed, *keywords], defaults, request)
    names = [""] * len(needed) + [f"{argument.arg}=" for argument in keywords]
    return [
        ", ".join(f"{name}{values[place]}" for name, values in zip(names, chosen, strict=True))
        for place in range(3)
    ]


def _class_calls(definition: ast.ClassDef, request: str) -> Iterator[tuple[str, ...]]:
    """An object is made; then methods that take something, and those that give something back."""
    written = _write_arguments(constructor_of(definition), request, is_method=True)
    if not written:
        return
    construction = f"{definition.name}({written[0]})"
    yield (construction,)
    made = f"{OBJECT} = {construction}"
    methods = [
        node
        for node in definition.body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and not node.decorator_list
    ]
    taking = [node for node in methods if len(node.args.args) > 1]
    fillers = [
        f"{OBJECT}.{node.name}({written[0]})"
        for node in taking
        if (written := _write_arguments(node, request, is_method=True)) and written[0]
    ]
    for method in methods:
        if method not in taking and not method.args.kwonlyargs and gives_a_value(method):
            yield (made, *fillers[:MAX_FILLERS], f"{OBJECT}.{method.name}()")
