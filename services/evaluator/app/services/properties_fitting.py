"""Fits the arguments of a trial to the function that an answer has: their order, number, kind."""

import ast
import re
from collections.abc import Iterator

from services.evaluator.app.sandbox.execution import Value
from services.evaluator.app.services.code_reading import dotted_name
from services.evaluator.app.services.plausible_calls_shapes import Shape, shape_of_hint
from services.evaluator.app.services.probes_target import Target
from services.evaluator.app.services.properties_intents import Arguments

PAIR = 2
ABOVE_ZERO = re.compile(r"\bpositive\b|\bnatural\b|양의|양수|자연수", re.I)
NOT_BELOW_ZERO = re.compile(r"\bnon-?\s?negative\b|음이 아닌", re.I)
TEXTS = frozenset(
    {
        Shape.TEXT, Shape.CHARACTER, Shape.DATE, Shape.EMAIL, Shape.URL, Shape.ROMAN, Shape.BINARY,
        Shape.JSON, Shape.CSV, Shape.BRACKETS,
    }
)  # fmt: skip
ANYTHING = frozenset({"Any", "object", "T", "K", "V", "Number", "Comparable", "Real", "Hashable"})
LIST_FIRST = re.compile(r"arr\w*|\w*list\w*|nums?|numbers|items|lst\w*|data|values|elements|seq\w*")
SOUGHT_FIRST = re.compile(r"target|key|value|element|item|x|needle|number")


def written(call: str, arguments: Arguments) -> str:
    """Source of a call with these arguments."""
    return f"{call}({', '.join(repr(argument) for argument in arguments)})"


def is_in_domain(arguments: Arguments, user_input: str) -> bool:
    """Whether no number is below what the request confines its numbers to."""
    is_natural = ABOVE_ZERO.search(user_input) is not None
    if not is_natural and NOT_BELOW_ZERO.search(user_input) is None:
        return True
    least = 0 if NOT_BELOW_ZERO.search(user_input) else 1
    return all(number >= least for number in _numbers(list(arguments)))


def _numbers(value: Value) -> Iterator[float]:
    if isinstance(value, list | tuple):
        for element in value:
            yield from _numbers(element)
    elif isinstance(value, int | float):
        yield value


def fitted_arguments(arguments: Arguments, target: Target) -> Arguments | None:
    """The arguments in the order of the parameters; None where the function takes others."""
    if not target.takes(len(arguments)):
        return None
    turned = arguments[::-1]
    parameters = target.parameters
    if len(arguments) == len(parameters) == PAIR and isinstance(arguments[0], list | dict | str):
        first, second = (parameter.arg.lower() for parameter in parameters)
        is_turned = bool(SOUGHT_FIRST.fullmatch(first) and LIST_FIRST.fullmatch(second))
        is_mixed = type(arguments[0]) is not type(arguments[1])
        if is_mixed and (is_turned or not _all_fit(arguments, target)) and _all_fit(turned, target):
            return turned
    return arguments if _all_fit(arguments, target) else None


def _all_fit(arguments: Arguments, target: Target) -> bool:
    return all(
        fits(parameter, value)
        for parameter, value in zip(target.parameters, arguments, strict=False)
    )


def fits(parameter: ast.arg, value: Value) -> bool:
    """Whether a hint, where there is one, takes such a value."""
    if parameter.annotation is None:
        return True
    shape = shape_of_hint(parameter.annotation).shape
    match value:
        case int():
            return shape in (Shape.INTEGER, Shape.FLOAT) or _takes_anything(parameter.annotation)
        case str():
            return shape in TEXTS or _takes_anything(parameter.annotation)
        case dict():
            return shape in (Shape.DICTIONARY, Shape.GRAPH)
        case list() | tuple():
            return _list_fits(shape, list(value)) or _takes_anything(parameter.annotation)
    return False


def _list_fits(shape: Shape, elements: list[Value]) -> bool:
    if any(isinstance(element, str) for element in elements):
        return shape in (Shape.TEXTS, Shape.NUMBERS)
    if any(isinstance(element, list) for element in elements):
        return shape in (Shape.MATRIX, Shape.NUMBERS, Shape.PAIRS)
    return shape in (Shape.NUMBERS, Shape.FLOATS)


def _takes_anything(hint: ast.expr) -> bool:
    return dotted_name(hint).rpartition(".")[2] in ANYTHING
