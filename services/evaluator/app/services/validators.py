"""Rules that need no opinion and run nothing: each looks at an answer and says why it fails."""

import ast
import re
from collections.abc import Callable

from services.common.task_types.rules import Finding, failed, not_applicable, passed
from services.evaluator.app.services.code.syntax import (
    Function,
    annotations,
    dotted_name,
    imported_names,
    is_stub,
    method_names,
    names_bound,
    names_read,
    original_name,
    parameters_of,
)
from services.evaluator.app.services.conversation_rules import CONVERSATION_CHECKS, WITHHELD
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.request import PYTHONS_OWN

REFUSAL = re.compile(
    r"\s*(?:i(?:'m| am) (?:very |so |really )?sorry|sorry,|i apologi[sz]e"
    r"|i (?:can(?:'t|not)|won't|am unable to) (?:help|assist|do|provide|write|comply|answer)"
    r"|as an ai\b|죄송)",
    re.I,
)
PLACEHOLDER = re.compile(
    r"\b(?-i:TODO|FIXME|XXX)\b|#[ \t]*(?:todo|fixme)\b|your (?:code|logic|implementation) here"
    r"|(?:code|logic|implementation) goes here|implement(?:ation)? here|not implemented",
    re.I,
)
NOTHING_WANTED = re.compile(
    r"\bdo(?:es)? nothing\b|\bno-?op\b|\bplaceholders?\b|\bstubs?\b|\bskeletons?\b"
    r"|\babstract\b|\bprotocol\b|\binterface\b|추상|인터페이스|프로토콜",
    re.I,
)
DANGEROUS_CALLS = frozenset(
    """eval exec compile __import__ os.system os.popen os.remove os.unlink os.rmdir os.kill
    shutil.rmtree subprocess.run subprocess.call subprocess.Popen subprocess.check_output
    subprocess.check_call subprocess.getoutput os.execv os.spawnv pickle.loads ctypes.CDLL
    socket.socket""".split()
)


def gives_an_answer(evidence: Evidence) -> Finding:
    """Check that something came back that is no refusal; a call of a tool is an answer."""
    if evidence.tool_calls:
        return passed("it calls a tool")
    if evidence.finish_reason == WITHHELD:
        return failed("the provider withheld the answer")
    if not evidence.answer.strip():
        is_draft = bool(evidence.reasoning)
        return failed("it is all reasoning, and no answer" if is_draft else "the answer is empty")
    if is_refusal(evidence):
        return failed("the answer is a refusal")
    return passed("there is an answer")


def contains_code(evidence: Evidence) -> Finding:
    """Check that the answer holds code, in a block or by itself."""
    if evidence.code is None:
        return failed("no code was found in the answer")
    kind = evidence.code.language or "unlabelled"
    return passed(f"{kind} code was found")


def parses_as_python(evidence: Evidence) -> Finding:
    """Check that the code is Python that parses."""
    if evidence.code is None:
        return failed("there is no code to parse")
    if evidence.tree is not None:
        return passed("the code parses as Python")
    if not evidence.request.wants_python and not evidence.code.is_python:
        return not_applicable(f"{evidence.code.language} was asked for, which isn't parsed here")
    return failed(f"the code doesn't parse as Python: {evidence.code.problem}")


def defines_what_was_asked(evidence: Evidence) -> Finding:
    """Check that something is defined, and a class where a class was asked for."""
    if evidence.tree is None:
        return failed("nothing is defined, since no Python code parses")
    if evidence.is_program:
        return not_applicable("a program is asked for, which need define nothing")
    if not evidence.definitions:
        return failed("the code defines no function and no class")
    names = [node.name for node in evidence.definitions]
    if evidence.request.wants_class and not any(
        isinstance(node, ast.ClassDef) for node in evidence.definitions
    ):
        return failed("a class was asked for and none is defined")
    return passed(f"{names[0]} is defined")


def keeps_the_given_name(evidence: Evidence) -> Finding:
    """Check that what was asked for has the name that the request gives it."""
    wanted = evidence.request.name
    if evidence.tree is None or not wanted or wanted in PYTHONS_OWN:
        return not_applicable("the request gives no name")
    if wanted in names_bound(evidence.tree) | method_names(evidence.tree):
        return passed(f"{wanted} is defined")
    if any(wanted in map(dotted_name, getattr(one, "bases", ())) for one in evidence.definitions):
        return not_applicable(f"the answer builds on {wanted}, which the request shows")
    return failed(f"{wanted} isn't defined")


def returns_something(evidence: Evidence) -> Finding:
    """Check that some function returns a value; a class counts by its methods."""
    if evidence.tree is None:
        return failed("nothing is returned, since no Python code parses")
    if evidence.is_program:
        return not_applicable("a program is asked for, which prints its result")
    # Both stand in functions only, or the code wouldn't compile; one walk, since a walk for each
    # function takes the square of the time where they are nested.
    for node in ast.walk(evidence.tree):
        if isinstance(node, ast.Return) and node.value is not None:
            return passed("a function returns a value")
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return passed("a function yields values")
    return failed("no function returns a value")


def is_complete(evidence: Evidence) -> Finding:
    """Check that no body is a lone `pass`, `...` or NotImplementedError where work belongs.

    What the request names decides; where it names nothing, one function that works is enough.
    """
    if evidence.tree is None:
        return not_applicable("there is no Python code to be complete")
    if NOTHING_WANTED.search(evidence.user_input):
        return not_applicable("the request asks for something that does nothing")
    asked = _asked_functions(evidence)
    classes = [node for node in evidence.definitions if isinstance(node, ast.ClassDef)]
    empty = [node.name for node in (*asked, *classes) if is_stub(node)]
    if empty and all(is_stub(node) for node in asked):
        return failed(f"{empty[0]} has no body but a placeholder")
    return passed("bodies are written out")


def uses_what_it_is_given(evidence: Evidence) -> Finding:
    """Check that what was asked for uses at least one of its parameters."""
    if evidence.tree is None:
        return not_applicable("there is no Python code that could be given anything")
    asked = _asked_functions(evidence)
    written = [node for node in asked if not is_stub(node)]
    given = {name for node in written for name in parameters_of(node)}
    if not given:
        return not_applicable("it is given nothing")
    used = names_read(written[0] if len(asked) == 1 else evidence.tree)
    if given.isdisjoint(used):
        return failed(f"{written[0].name} looks at nothing that it is given")
    return passed("what is given is looked at")


def _asked_functions(evidence: Evidence) -> list[Function]:
    """The function that the request names, where it is defined; else all there are."""
    main = evidence.main_definition
    is_named = main is not None and main.name == evidence.request.name
    return [main] if is_named and isinstance(main, Function) else evidence.functions


def has_no_placeholder(evidence: Evidence) -> Finding:
    """Check that there is no TODO and no "your code here"."""
    if not evidence.answer.strip():
        return failed("the answer is empty")
    found = PLACEHOLDER.search(evidence.answer)
    return failed(f"it says {found[0]!r}") if found else passed("no placeholder was found")


def has_no_dangerous_call(evidence: Evidence) -> Finding:
    """Check that no call runs text as code, starts processes or deletes files."""
    if not evidence.answer.strip():
        return failed("the answer is empty")
    origins = imported_names(evidence.tree) if evidence.tree else {}
    for node in ast.walk(evidence.tree) if evidence.tree else ():
        if isinstance(node, ast.Call):
            name = original_name(dotted_name(node.func), origins)
            if name in DANGEROUS_CALLS:
                return failed(f"it calls {name}")
    return passed("no dangerous call was found")


def has_docstring(evidence: Evidence) -> Finding:
    """Check that what was asked for has a docstring."""
    if (definition := evidence.main_definition) is None:
        return failed("there is no definition to document")
    if ast.get_docstring(definition):
        return passed(f"{definition.name} has a docstring")
    return failed(f"{definition.name} has no docstring")


def has_type_hints(evidence: Evidence) -> Finding:
    """Check that every parameter and every return value is annotated."""
    if not evidence.functions:
        return failed("there is no function to annotate")
    for function in evidence.functions:
        missing = [name for name, annotated in annotations(function) if not annotated]
        if missing:
            return failed(f"{function.name} has no type hint for {missing[0]}")
    return passed("parameters and return values have type hints")


def is_refusal(evidence: Evidence) -> bool:
    """Tell whether an answer is a refusal; one that defines something never is."""
    if evidence.refusal:
        return True
    return REFUSAL.match(evidence.answer) is not None and not evidence.definitions


STATIC_CHECKS: dict[str, Callable[[Evidence], Finding]] = {
    check.__name__: check
    for check in (
        gives_an_answer,
        contains_code,
        parses_as_python,
        defines_what_was_asked,
        keeps_the_given_name,
        returns_something,
        is_complete,
        uses_what_it_is_given,
        has_no_placeholder,
        has_no_dangerous_call,
        has_docstring,
        has_type_hints,
    )
} | CONVERSATION_CHECKS
