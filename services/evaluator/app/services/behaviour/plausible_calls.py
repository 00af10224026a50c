"""Plans plausible calls of a function by its parameters and the request's words."""

import ast
from collections.abc import Iterator

from services.evaluator.app.services.behaviour.arguments import choose_arguments
from services.evaluator.app.services.behaviour.returning import gives_a_value
from services.evaluator.app.services.behaviour.target import Target, describe

MAX_CALLS = 6
MAX_ARGUMENTS = 8
MAX_FILLERS = 2
# Unlikely to be a name of the answer's own.
OBJECT = "_probe_object"


def plan_calls(target: Target, user_input: str) -> tuple[tuple[str, ...], ...]:
    """Plan the steps of up to six calls that a right answer should be able to take; pure."""
    if isinstance(target.definition, ast.ClassDef):
        return tuple(_class_calls(target.definition, user_input))[:MAX_CALLS]
    written = _write_arguments(target, user_input)
    return tuple(dict.fromkeys((f"{target.call}({arguments})",) for arguments in written))


def _write_arguments(target: Target, request: str) -> list[str]:
    """Write three lists of what must be given; none where that is too much."""
    needed, keywords = target.parameters[: target.required], target.needs_keywords
    defaults: list[ast.expr | None] = [None] * (len(needed) + len(keywords))
    if not defaults and target.parameters and target.function and "." not in target.call:
        # Everything has a default, and yet something is there to be given.
        needed, defaults = target.parameters[:1], [*target.function.args.defaults[:1]]
    if target.rest and not needed:
        one = ast.arg(target.rest.arg.rstrip("s"), target.rest.annotation)
        needed, defaults = (one,) * 3, [None, None, None, *defaults]
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
    written = _write_arguments(describe(definition), request)
    if not written:
        return
    construction = f"{definition.name}({written[0]})"
    yield (construction,)
    made = f"{OBJECT} = {construction}"
    methods = [
        describe(node, f"{OBJECT}.{node.name}")
        for node in definition.body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and not node.decorator_list
    ]
    fillers = [
        f"{method.call}({written[0]})"
        for method in methods
        if method.parameters and (written := _write_arguments(method, request)) and written[0]
    ]
    for method in methods:
        takes_none = not (method.parameters or method.needs_keywords)
        if takes_none and method.function and gives_a_value(method.function):
            yield (made, *fillers[:MAX_FILLERS], f"{method.call}()")
