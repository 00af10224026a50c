"""Plans plausible calls of a function by its parameters and the request's words."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from services.evaluator.app.services.behaviour.calls.shapes import Shape, guess_shape
from services.evaluator.app.services.behaviour.calls.values import EDGES, argument_sources
from services.evaluator.app.services.behaviour.returning import gives_a_value
from services.evaluator.app.services.behaviour.target import Target, constructor_of, is_static
from services.evaluator.app.services.code.syntax import Function

MAX_CALLS = 6
MAX_ARGUMENTS = 8
MAX_FILLERS = 2
# Unlikely to be a name of the answer's own.
OBJECT = "_probe_object"


@dataclass(frozen=True, slots=True)
class PlausibleCall:
    """A call that a right answer should be able to take.

    Attributes:
        steps: Source of its steps; the last one is the call.
        is_edge: Whether it is an edge case, such as an empty list, where raising is no fault.
    """

    steps: tuple[str, ...]
    is_edge: bool = False


@dataclass(frozen=True, slots=True)
class _Signature:
    """Arguments that must be given, as the names and shapes of their parameters."""

    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    keywords: frozenset[str]

    def variants(self, request: str) -> list[str]:
        """Write the argument lists of three ordinary calls."""
        chosen = argument_sources(self.names, self.shapes, request)
        return [self._written([values[place] for values in chosen]) for place in range(3)]

    def edges(self, request: str) -> Iterator[str]:
        """Write argument lists with one edge case each."""
        chosen = [values[0] for values in argument_sources(self.names, self.shapes, request)]
        for index, shape in enumerate(self.shapes):
            if shape in EDGES:
                yield self._written([*chosen[:index], EDGES[shape], *chosen[index + 1 :]])

    def _written(self, sources: list[str]) -> str:
        return ", ".join(
            f"{name}={source}" if name in self.keywords else source
            for name, source in zip(self.names, sources, strict=True)
        )


def plausible_calls(target: Target, user_input: str) -> tuple[PlausibleCall, ...]:
    """Plan up to six calls, the likeliest first, edge cases last; pure."""
    if isinstance(target.definition, ast.ClassDef):
        return tuple(_class_calls(target.definition, user_input))[:MAX_CALLS]
    signature = _read_signature(target.definition, user_input, is_method="." in target.call)
    if signature is None:
        return ()
    calls = [
        PlausibleCall((f"{target.call}({arguments})",))
        for arguments in signature.variants(user_input)
    ]
    edges = [
        PlausibleCall((f"{target.call}({arguments})",), is_edge=True)
        for arguments in signature.edges(user_input)
    ]
    return tuple(dict.fromkeys([*calls, *edges]))[:MAX_CALLS]


def _read_signature(
    function: Function | None, request: str, *, is_method: bool
) -> _Signature | None:
    """What must be given; None where that is too much. Optional arguments are left out."""
    if function is None:
        return _Signature((), (), frozenset())
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = positional[: len(positional) - len(arguments.defaults)]
    if is_method and not is_static(function):
        needed = needed[1:]
    keywords = [
        argument
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    shapes = [guess_shape(argument, None, request) for argument in (*needed, *keywords)]
    names = [argument.arg for argument in (*needed, *keywords)]
    if not names and positional and not is_method:
        # Everything has a default, and yet something is there to be given.
        names = [positional[0].arg]
        default = arguments.defaults[0]
        shapes = [guess_shape(positional[0], default, request)]
    if arguments.vararg is not None and not needed:
        names = ["first", "second", "third", *names]
        shapes = [_vararg_shape(arguments.vararg)] * 3 + shapes
    if len(names) > MAX_ARGUMENTS:
        return None
    return _Signature(tuple(names), tuple(shapes), frozenset(argument.arg for argument in keywords))


def _vararg_shape(vararg: ast.arg) -> Shape:
    if vararg.annotation is not None:
        return guess_shape(ast.arg("value", vararg.annotation), None, "")
    name = vararg.arg.lower()
    if any(word in name for word in ("str", "word", "text")):
        return Shape.TEXT
    is_lists = any(word in name for word in ("list", "arr", "iter", "seq"))
    return Shape.NUMBERS if is_lists else Shape.INTEGER


def _class_calls(definition: ast.ClassDef, request: str) -> Iterator[PlausibleCall]:
    """An object is made; then methods that take something, and those that give something back."""
    signature = _read_signature(constructor_of(definition), request, is_method=True)
    if signature is None:
        return
    arguments = signature.variants(request)[0] if signature.names else ""
    construction = f"{definition.name}({arguments})"
    yield PlausibleCall((construction,))
    made = f"{OBJECT} = {construction}"
    methods = [
        node
        for node in definition.body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and not node.decorator_list
    ]
    fillers = [step for method in methods if (step := _filler(method, request))][:MAX_FILLERS]
    for method in methods:
        if len(method.args.args) == 1 and not method.args.kwonlyargs and gives_a_value(method):
            asked = f"{OBJECT}.{method.name}()"
            yield PlausibleCall((made, *fillers, asked))


def _filler(method: ast.FunctionDef, request: str) -> str:
    """A call of a method that takes something; empty where it takes nothing."""
    if len(method.args.args) <= 1:
        return ""
    signature = _read_signature(method, request, is_method=True)
    if signature is None or not signature.names:
        return ""
    return f"{OBJECT}.{method.name}({signature.variants(request)[0]})"
