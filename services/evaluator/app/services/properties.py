"""Properties that every right answer to a well-known request has, and what to run to see them."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from services.evaluator.app.sandbox.execution import Opaque, StepResult, Value
from services.evaluator.app.services import (
    properties_lists,
    properties_numbers,
    properties_texts,
)
from services.evaluator.app.services.code_reading import Function, dotted_name
from services.evaluator.app.services.comparison import agrees
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.plausible_calls_shapes import Shape, shape_of_hint
from services.evaluator.app.services.probes_plan import Probe
from services.evaluator.app.services.probes_target import Target, describe
from services.evaluator.app.services.properties_intents import (
    Arguments,
    Intent,
    request_text,
)
from services.evaluator.app.services.properties_round_trips import (
    inverse_of,
    is_about_texts,
    round_trips,
)

INTENTS = (*properties_numbers.INTENTS, *properties_lists.INTENTS, *properties_texts.INTENTS)
MAX_INTENTS = 2
PAIR = 2
ABOVE_ZERO = re.compile(r"\bpositive\b|\bnatural\b|양의|양수|자연수", re.I)
NOT_BELOW_ZERO = re.compile(r"\bnon-?\s?negative\b|음이 아닌", re.I)
KEEPS_ARGUMENT = re.compile(
    r"\bunchanged\b|\b(?:not|never|without)\b.{0,12}\b(?:modify|change|mutat|alter)\w*"
    r"|원본.{0,12}(?:변경하지|바꾸지|수정하지|유지)",
    re.I,
)
TEXTS = frozenset(
    {
        Shape.TEXT, Shape.CHARACTER, Shape.DATE, Shape.EMAIL, Shape.URL, Shape.ROMAN, Shape.BINARY,
        Shape.JSON, Shape.CSV, Shape.BRACKETS,
    }
)  # fmt: skip
ANYTHING = frozenset({"Any", "object", "T", "K", "V", "Number", "Comparable", "Real", "Hashable"})
LIST_FIRST = re.compile(r"arr\w*|\w*list\w*|nums?|numbers|items|lst\w*|data|values|elements|seq\w*")
SOUGHT_FIRST = re.compile(r"target|key|value|element|item|x|needle|number")
# What goes wrong with arguments of a kind that the code doesn't take.
WRONG_KIND = frozenset({"TypeError", "AttributeError"})

Verdict = Literal["held", "broken", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing that is run to see a property, and all that may come of it.

    Attributes:
        property_name: The property.
        shown: What is run, as a person would write it.
        arguments: What the function is given.
        accepted: Every value that some reasonable reading makes right.
        any_order: Whether the order in lists is left open.
        in_place: Whether the first argument may be changed instead.
        keeps_argument: Whether the first argument must stay as it is.
        is_edge: Whether it may be refused by raising.
        call: What is called; empty where `shown` is run as it is.
    """

    property_name: str
    shown: str
    arguments: Arguments
    accepted: tuple[Value, ...]
    any_order: bool = False
    in_place: bool = False
    keeps_argument: bool = False
    is_edge: bool = False
    call: str = ""

    def steps(self, variable: str) -> tuple[str, ...]:
        """Source of its steps; where the argument counts too, it is the last one's value."""
        if self.in_place or self.keeps_argument:
            rest = "".join(f", {argument!r}" for argument in self.arguments[1:])
            first = f"{variable} = {self.arguments[0]!r}"
            return first, f"{self.call}({variable}{rest})", variable
        if any(isinstance(value, dict) for value in self.accepted):
            plain = "(lambda value: dict(value) if isinstance(value, dict) else value)"
            return (f"{plain}({self.shown})",)
        return (self.shown,)


def find_intents(user_input: str) -> tuple[Intent, ...]:
    """What a request asks for, where that is well known and there is no more to it."""
    text = request_text(user_input)
    return tuple(intent for intent in INTENTS if text and intent.is_asked(text))[:MAX_INTENTS]


def find_trials(evidence: Evidence, target: Target) -> Sequence[Trial]:
    """What to run to see the properties that an answer to this request must have; pure."""
    if target.function is None:
        return ()
    trials = [
        trial
        for intent in find_intents(evidence.user_input)
        for trial in _intent_trials(intent, evidence.user_input, target)
    ]
    return (*trials, *_round_trips(evidence))


def _intent_trials(intent: Intent, user_input: str, target: Target) -> Iterator[Trial]:
    text = request_text(user_input)
    keeps = KEEPS_ARGUMENT.search(user_input) is not None and intent.in_place
    trials = [arguments for arguments in intent.trials if _is_in_domain(arguments, user_input)]
    if intent.together:
        yield from _together(intent, text, trials, target)
        return
    for arguments in (*trials, *intent.edges):
        is_edge = arguments in intent.edges
        if is_edge and not _is_in_domain(arguments, user_input):
            continue
        ordered = _fitted(arguments, target)
        if ordered is None:
            return
        yield Trial(
            intent.name,
            _written(target.call, ordered),
            ordered,
            tuple(intent.accepts(text, *arguments)),
            any_order=intent.any_order,
            in_place=intent.in_place and not keeps,
            keeps_argument=keeps,
            is_edge=is_edge,
            call=target.call,
        )


def _together(
    intent: Intent, text: str, trials: list[Arguments], target: Target
) -> Iterator[Trial]:
    """All trials as one: the list of what they give, as each reading has it."""
    fitted = [_fitted(arguments, target) for arguments in trials]
    known = [arguments for arguments in fitted if arguments is not None]
    if not known or len(known) != len(fitted):
        return
    readings = [list(intent.accepts(text, *arguments)) for arguments in trials]
    accepted: list[Value] = [list(values) for values in zip(*readings, strict=True)]
    shown = f"[{', '.join(_written(target.call, arguments) for arguments in known)}]"
    yield Trial(intent.name, shown, tuple(known[0]), tuple(accepted), intent.any_order)


def _round_trips(evidence: Evidence) -> Iterator[Trial]:
    functions = {node.name: node for node in evidence.definitions if isinstance(node, Function)}
    if not is_about_texts(evidence.user_input):
        return
    for name, function in functions.items():
        inverse = inverse_of(name, frozenset(functions))
        if not inverse or inverse.startswith("_") or name.startswith("_"):
            continue
        there, back = describe(function), describe(functions[inverse])
        if there.required != back.required or not _takes_text(there):
            continue
        for shown, sample in round_trips(name, inverse, there.required):
            yield Trial("round trip", shown, (sample,), (sample,), is_edge=True)
        return


def _takes_text(target: Target) -> bool:
    sample: Arguments = ("text", 3)
    return all(
        _fits(parameter, value) for parameter, value in zip(target.parameters, sample, strict=False)
    )


def _written(call: str, arguments: Arguments) -> str:
    return f"{call}({', '.join(repr(argument) for argument in arguments)})"


def _is_in_domain(arguments: Arguments, user_input: str) -> bool:
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


def _fitted(arguments: Arguments, target: Target) -> Arguments | None:
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
        _fits(parameter, value)
        for parameter, value in zip(target.parameters, arguments, strict=False)
    )


def _fits(parameter: ast.arg, value: Value) -> bool:
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


def check_property(
    probe: Probe, steps: Sequence[StepResult], *, may_give_none: bool
) -> tuple[Verdict, str]:
    """Whether what came back is right by any reading of the request, and why."""
    call = steps[1] if len(steps) > 1 else steps[-1]
    if call.outcome == "raised":
        if probe.is_edge or call.error in WRONG_KIND:
            return "inconclusive", f"{probe.ran} raised {call.error}"
        return "broken", f"{probe.ran} raised {call.error}; {_right(probe)}"
    value = call.value
    left = steps[-1].value
    if probe.keeps_argument and not agrees(left, probe.arguments[0]):
        return "broken", f"{probe.ran} changed its argument, which was to stay as it is"
    if value is None and probe.in_place:
        value = left
    if any(_is_right(value, right, probe) for right in probe.accepted):
        return "held", f"{probe.ran} is right ({probe.property_name})"
    if _is_open(value, probe, may_give_none=may_give_none):
        return "inconclusive", f"{probe.ran} gave something else than a value to compare"
    return "broken", f"{probe.ran} gave {_shown(value)}; {_right(probe)}"


def _is_right(value: Value, right: Value, probe: Probe) -> bool:
    return agrees(value, right, any_order=probe.any_order, any_sequence=True)


def _is_open(value: Value, probe: Probe, *, may_give_none: bool) -> bool:
    """Whether a value says nothing: an object of its own, words for yes and no, a print."""
    if isinstance(value, Opaque):
        return True
    if value is None:
        return may_give_none
    says_yes_or_no = any(isinstance(right, bool) for right in probe.accepted)
    return says_yes_or_no and isinstance(value, str | tuple | list | dict)


def _right(probe: Probe) -> str:
    return f"{_shown(probe.accepted[0])} is right ({probe.property_name})"


def _shown(value: Value) -> str:
    return repr(value)[:60]
