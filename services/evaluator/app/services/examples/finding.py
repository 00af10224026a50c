"""Finds the examples that a request shows: calls with their values, sessions, tables, prose."""

import ast
import re
from collections.abc import Sequence
from dataclasses import replace

from services.evaluator.app.services.code.syntax import Definition, is_open, names_bound
from services.evaluator.app.services.comparison import Comparison
from services.evaluator.app.services.examples.assertions import find_code_examples
from services.evaluator.app.services.examples.call_lists import find_call_list_examples
from services.evaluator.app.services.examples.calls import find_call_examples
from services.evaluator.app.services.examples.context import (
    SAYS_LITTLE,
    is_introduced_as_it_is,
    may_be_a_fault,
    varies,
)
from services.evaluator.app.services.examples.emptiness import find_emptiness_examples
from services.evaluator.app.services.examples.example import Example, call_starts
from services.evaluator.app.services.examples.literals import (
    balanced_end,
    parse_expression,
    parse_statements,
)
from services.evaluator.app.services.examples.prose import find_prose_examples
from services.evaluator.app.services.examples.sessions import find_session_examples
from services.evaluator.app.services.examples.tables import find_table_examples

__all__ = ["Example", "find_examples"]

# In this order: of examples that begin at one place, the first one's is kept.
FINDERS = (
    find_code_examples,
    find_table_examples,
    find_call_examples,
    find_prose_examples,
    find_emptiness_examples,
)
MAX_REQUEST_CHARACTERS = 20_000
MAX_EXAMPLES = 12
STRAIGHT_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})
# A typographer's quote, or a whole string in straight ones, in which it is a character like others.
QUOTE = re.compile(r"""[‘’“”]|(?<!\w)(?:"[^"\n]*"|'[^'\n]*')""")
ANY_ORDER = re.compile(
    r"\bany order\b|아무\s*순서|순서에\s*(?:관계|상관)\s*없"
    r"|\border (?:of [^.\n]{0,40})?(?:does|is)(?:n't| not) (?:matter|important|relevant)"
    r"|\bregardless of order|순서는?\s*(?:상관\s*없|중요하지\s*않|무관)",
    re.I,
)
SEVERAL_VALID = re.compile(
    r"\b(?:is|are) also (?:an? )?(?:valid|correct|accepted|acceptable|possible)"
    r"|\bany (?:one )?of them\b|\bany (?:valid|correct|such) (?:answer|solution|one|output)"
    r"|\b(?:multiple|several|more than one) (?:valid |correct |possible )?(?:answers?|solutions?)\b"
    r"|(?:정답|답)이 여러",
    re.I,
)
# An order that is left open for what comes in, not for what goes out.
INPUT_IN_ANY_ORDER = re.compile(
    r"\b(?:(?:may|can|could|might)\s+(?:come|be|arrive)|given|takes?|accepts?|inputs?)\b"
    r"[^.,\n]{0,40}in any order",
    re.I,
)
# How pages set what they show.
HTML_TAG = re.compile(r"</?(?:strong|b|em|i|code|pre|p)>", re.I)
# More blank lines in a row mean no more, and patterns would go over them again and again.
BLANK_LINES = re.compile(r"\n(?:[ \t\r\f\v]*\n){5,}")
MAX_SIGNATURES = 100


def find_examples(user_input: str, code: Sequence[ast.stmt] = ()) -> tuple[Example, ...]:
    """Find the examples that a request shows, in its order; at most twelve.

    Only what is certain: a value that isn't a literal, a call with a variable in it, a value that
    may be part of a longer one and two values for one call are all left out. So is what may be
    the fault of code that is to be mended: `f(2)` gives 3.
    """
    written = {node.name for node in code if isinstance(node, Definition) and not is_open(node)}
    text = user_input[:MAX_REQUEST_CHARACTERS].replace("\u00a0", " ")
    text = HTML_TAG.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = QUOTE.sub(_straighten, BLANK_LINES.sub("\n" * 5, text))
    found, rest = find_session_examples(text)
    # Lists of calls aren't the arguments of one.
    found += find_call_list_examples(rest) or [pair for find in FINDERS for pair in find(rest)]
    result_varies = varies(text)
    setups = {source for _, one in found for source in one.setup}
    made = names_bound(*(node for source in setups for node in parse_statements(source) or ()))
    found = [
        (start, example)
        for start, example in found
        if (example.setup or example.function not in made)
        and not is_introduced_as_it_is(text, start)
        and not (example.function in written and may_be_a_fault(text, start, example))
        and (example.expression.startswith(SAYS_LITTLE) or not result_varies)
    ]
    found.sort(key=lambda pair: pair[0])
    any_order = ANY_ORDER.search(text) is not None and not INPUT_IN_ANY_ORDER.search(text)
    signatures = _signatures(text) if any(example.names for _, example in found) else []
    examples = _without_contradictions([_in_order(one, signatures) for _, one in found])
    is_one_of_several = SEVERAL_VALID.search(text) is not None
    return tuple(
        replace(example, any_order=any_order, is_one_of_several=is_one_of_several)
        for example in examples[:MAX_EXAMPLES]
    )


def _straighten(quote: re.Match[str]) -> str:
    return quote[0].translate(STRAIGHT_QUOTES) if len(quote[0]) == 1 else quote[0]


def _signatures(text: str) -> list[list[str]]:
    """Read parameter names off the signatures that a request writes out: `f(arr: list, k=1)`."""
    found: list[list[str]] = []
    for start in call_starts(text, MAX_SIGNATURES):
        opening = text.find("(", start)
        end = balanced_end(text, opening) or opening
        match parse_statements(f"def f{text[opening:end]}: ..."):
            case [ast.FunctionDef(args=arguments)]:
                found.append([parameter.arg for parameter in arguments.args])
    return found


def _in_order(example: Example, signatures: list[list[str]]) -> Example:
    """Put arguments with names in the order of the signature that the request itself fixes.

    An answer whose parameters have those names in another order doesn't keep to the request.
    """
    for parameters in signatures if example.names else ():
        ordered = [name for name in parameters if name in example.names]
        call = parse_expression(f"f({example.expression})")
        is_it = sorted(ordered) == sorted(example.names)
        if is_it and isinstance(call, ast.Call) and len(call.args) == len(ordered):
            sources = dict(zip(example.names, map(ast.unparse, call.args), strict=True))
            arguments = ", ".join(sources[name] for name in ordered)
            return replace(example, expression=arguments, names=())
    return example


def _without_contradictions(found: list[Example]) -> list[Example]:
    """Keep each call once, and drop those that are given two values."""
    kept: dict[tuple[str, ...], Example] = {}
    contradicted: set[tuple[str, ...]] = set()
    for example in found:
        key = _identity(example)
        known = kept.setdefault(key, example)
        is_same = known.expected_error == example.expected_error and (
            bool(known.expected_error) or Comparison().agrees(known.expected, example.expected)
        )
        if not is_same:
            contradicted.add(key)
    return [example for key, example in kept.items() if key not in contradicted]


def _identity(example: Example) -> tuple[str, ...]:
    source = example.expression if example.function else f"f({example.expression})"
    node = parse_expression(source)
    return (*example.setup, example.function, ast.dump(node) if node else source)
