"""Properties that every right answer to a well-known request has, and what to run to see them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.evaluator.app.sandbox.execution import Value
from services.evaluator.app.services import (
    properties_arithmetic,
    properties_dictionaries,
    properties_digits,
    properties_letters,
    properties_lists,
    properties_number_theory,
    properties_orders,
    properties_statistics,
    properties_structures,
    properties_text_tests,
    properties_units,
    properties_words,
)
from services.evaluator.app.services.code_reading import Function
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.probes_target import Target, describe
from services.evaluator.app.services.properties_fitting import (
    fits,
    fitted_arguments,
    is_in_domain,
    written,
)
from services.evaluator.app.services.properties_grades import find_grades
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

INTENTS = (
    *properties_arithmetic.INTENTS,
    *properties_number_theory.INTENTS,
    *properties_digits.INTENTS,
    *properties_units.INTENTS,
    *properties_orders.INTENTS,
    *properties_statistics.INTENTS,
    *properties_lists.INTENTS,
    *properties_structures.INTENTS,
    *properties_letters.INTENTS,
    *properties_words.INTENTS,
    *properties_text_tests.INTENTS,
    *properties_dictionaries.INTENTS,
)
MAX_INTENTS = 2
# What is asked for is yes or no then, whatever else the request sounds like.
ASKS_WHETHER = re.compile(
    r"\bwhether\b|\b(?:checks?|determines?|tells?|tests?) if\b|\btrue (?:if|when)\b|여부", re.I
)
KEEPS_ARGUMENT = re.compile(
    r"\bunchanged\b|\b(?:not|never|without)\b.{0,12}\b(?:modify|change|mutat|alter)\w*"
    r"|원본.{0,12}(?:변경하지|바꾸지|수정하지|유지)",
    re.I,
)


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
        if not ASKS_WHETHER.search(evidence.user_input) or _is_yes_or_no(trial)
    ]
    return (*trials, *_round_trips(evidence), *_grades(evidence.user_input, target))


def _intent_trials(intent: Intent, user_input: str, target: Target) -> Iterator[Trial]:
    text = request_text(user_input)
    keeps = KEEPS_ARGUMENT.search(user_input) is not None and intent.in_place
    trials = [
        arguments
        for arguments in intent.trials
        if intent.any_sign or is_in_domain(arguments, user_input)
    ]
    if intent.together:
        yield from _together(intent, text, trials, target)
        return
    for arguments in (*trials, *intent.edges):
        is_edge = arguments in intent.edges
        if is_edge and not is_in_domain(arguments, user_input):
            continue
        ordered = fitted_arguments(arguments, target)
        if ordered is None:
            return
        yield Trial(
            intent.name,
            written(target.call, ordered),
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
    fitted = [fitted_arguments(arguments, target) for arguments in trials]
    known = [arguments for arguments in fitted if arguments is not None]
    if not known or len(known) != len(fitted):
        return
    readings = [list(intent.accepts(text, *arguments)) for arguments in trials]
    accepted: list[Value] = [list(values) for values in zip(*readings, strict=True)]
    shown = f"[{', '.join(written(target.call, arguments) for arguments in known)}]"
    yield Trial(intent.name, shown, tuple(known[0]), tuple(accepted), intent.any_order)


def _is_yes_or_no(trial: Trial) -> bool:
    return any(isinstance(value, bool) for value in trial.accepted)


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


def _grades(user_input: str, target: Target) -> Iterator[Trial]:
    for score, grade in find_grades(user_input):
        if fitted_arguments((score,), target) is None:
            return
        shown = written(target.call, (score,))
        yield Trial("grade by threshold", shown, (score,), (grade,), call=target.call)


def _takes_text(target: Target) -> bool:
    sample: Arguments = ("text", 3)
    return all(
        fits(parameter, value) for parameter, value in zip(target.parameters, sample, strict=False)
    )
