"""Chooses the tool that a request asks for."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulated_model.calling.arguments import find_arguments
from simulated_model.instructions.directives import Reply
from simulated_model.instructions.reading import read_instructions
from simulated_model.words import tokenize

# A request has the words of a tool where those that few other tools have are worth so much.
LEAST_WORTH = 0.5
NAME_WORTH = 2.0
COMMON_WORDS = frozenset(
    tokenize(
        "a an and any are as at be by can do for from get give given has have how i if in into is"
        " it its me my new of on one or our please set so that the their then there this to us use"
        " value want was we what when where which who will with you your tool function user"
    )
)
PARTS = re.compile(r"(?<=[.!?;])\s+|,?\s+and\s+(?=then\b|also\b)|,\s*then\s+", re.I)
NEVER = re.compile(
    r"\b(?:never|not|don't|avoid|without|no)\b[^.\n]{0,30}\b(?:tools?|functions?|call(?:s|ing)?)\b",
    re.I,
)
ALWAYS = re.compile(r"\b(?:always|only)\s+(?:call|use|invoke)\s+(?:the\s+)?[`'\"]?(\w+)", re.I)
# Told to answer so, a model answers in words.
SPOKEN = frozenset(
    {Reply.FIXED, Reply.REFUSAL, Reply.PROSE, Reply.POEM, Reply.OFF_TOPIC, Reply.QUESTION}
) | {Reply.ECHO}


@dataclass(frozen=True, slots=True)
class Call:
    """A tool's name, and the arguments that it is called with."""

    name: str
    arguments: dict[str, Any]


def choose_calls(
    prompt: str,
    request: str,
    tools: Sequence[Mapping[str, Any]],
    choice: object = "auto",
    *,
    in_parallel: bool = True,
) -> list[Call]:
    """Choose which tools to call for a request, and with what; none where it asks for none.

    Args:
        tools: Tools in the shape of OpenAI's API.
        choice: `auto`, `none`, `required`, or the one tool to call, as the API has it.
        in_parallel: Whether several may be called at once.
    """
    functions = {function["name"]: function for tool in tools if (function := _read(tool))}
    if isinstance(choice, Mapping):
        name = str((choice.get("function") or {}).get("name", ""))
        return [_call(functions[name], request, request)] if name in functions else []
    if not functions or choice == "none":
        return []
    is_forced = choice in ("required", "any")
    if not is_forced and (NEVER.search(prompt) or read_instructions(prompt).reply in SPOKEN):
        return []
    ordered = ALWAYS.search(prompt)
    if ordered and ordered[1] in functions:
        return [_call(functions[ordered[1]], request, request)]
    calls: list[Call] = []
    for part in PARTS.split(request):
        name, worth = _best(part, functions)
        call = _call(functions[name], part, request) if worth >= LEAST_WORTH else None
        if call and call not in calls:
            calls.append(call)
    if is_forced and not calls:
        calls = [_call(functions[_best(request, functions)[0]], request, request)]
    return calls if in_parallel else calls[:1]


def _read(tool: Mapping[str, Any]) -> Mapping[str, Any] | None:
    function = tool.get("function")
    return function if isinstance(function, Mapping) and function.get("name") else None


def _call(function: Mapping[str, Any], part: str, request: str) -> Call:
    schema = function.get("parameters")
    arguments = find_arguments(schema if isinstance(schema, dict) else {}, part, request)
    return Call(str(function["name"]), arguments)


def _best(text: str, functions: Mapping[str, Mapping[str, Any]]) -> tuple[str, float]:
    """Return the tool whose own words the text has most of, and what they are worth."""
    said = set(tokenize(text)) - COMMON_WORDS
    names = {name: set(tokenize(name)) - COMMON_WORDS for name in functions}
    words = {
        name: names[name] | set(tokenize(str(function.get("description", "")))) - COMMON_WORDS
        for name, function in functions.items()
    }
    shared = Counter(word for own in words.values() for word in own)

    def worth(name: str) -> float:
        return (
            sum(
                (NAME_WORTH if word in names[name] else 1) / shared[word]
                for word in words[name] & said
            )
            / NAME_WORTH
        )

    best = max(functions, key=worth)
    return best, worth(best)
