"""The rubric: criteria of quality that can be read off an answer, graded without a model."""

import ast
import re
from collections.abc import Callable, Sequence

from services.common.task_types.rules import MAX_REASON_CHARACTERS, Grade
from services.evaluator.app.services.code.syntax import Definition, names_in
from services.evaluator.app.services.evidence import Evidence
from services.evaluator.app.services.request import WORD, split_name, stem
from services.evaluator.app.services.validators import is_refusal

READING_WINDOW = 20_000
SHORT_PROSE_CHARACTERS = 40
MAX_NAME_CHARACTERS = 80
NAME = re.compile(r"\w+")


def responds(evidence: Evidence) -> Grade:
    """Grade whether there is a reply that is no refusal."""
    if not evidence.answer.strip() or is_refusal(evidence):
        return Grade(0, "there is no reply, or a refusal")
    return Grade(1, "it replies")


def keeps_to_the_point(evidence: Evidence) -> Grade:
    """Grade whether there is little around what was asked for."""
    answer = evidence.answer.strip()
    if not answer:
        return Grade(0, "there is nothing")
    around = len(evidence.answer) - len(evidence.code.source) if evidence.code else len(answer)
    if around <= SHORT_PROSE_CHARACTERS:
        return Grade(1, "there is nothing beside the answer")
    if evidence.code is not None:
        return Grade(0.5, "there is prose around the code")
    return Grade(0, "it is all prose")


def stays_on_topic(evidence: Evidence) -> Grade:
    """Grade whether the request's words come back in the code's names or in the text."""
    topic = evidence.request.topic
    if not topic:
        return Grade(1, "the request has no words to compare")
    text = split_name(_text_on_topic(evidence))
    shared = {stem(word): word.lower() for word in WORD.findall(text) if stem(word) in topic}
    if not shared:
        return Grade(0, "nothing in it speaks of what was asked")
    words = ", ".join(shared[one][:MAX_NAME_CHARACTERS] for one in sorted(shared)[:3])
    return Grade(1, f"it speaks of {words}"[:MAX_REASON_CHARACTERS])


def _text_on_topic(evidence: Evidence) -> str:
    """What speaks for a topic: of code its names, since anyone can say anything in a comment."""
    if evidence.tree is not None:
        return " ".join(names_in(evidence.tree))[:READING_WINDOW]
    return (evidence.code.source if evidence.code else evidence.answer)[:READING_WINDOW]


def is_readable(evidence: Evidence) -> Grade:
    """Grade whether the code says what it does."""
    definition = evidence.main_definition
    if definition is None:
        return Grade(0, "nothing is defined that could be read")
    if ast.get_docstring(definition):
        return Grade(1, "it says what it does")
    return Grade(0.5, "its names must speak for themselves")


def shows_itself_at_work(evidence: Evidence) -> Grade:
    """Grade whether a doctest or an assertion uses what is defined, or at least a call does."""
    if evidence.tree is None:
        return Grade(0, "there is no code to show")
    defined = {node.name for node in evidence.definitions}
    asserted = [node for node in evidence.tree.body if isinstance(node, ast.Assert)]
    if defined & (_called_names(asserted) | _words_of_doctests(evidence)):
        return Grade(1, "an example shows it at work")
    statements = [node for node in evidence.tree.body if not isinstance(node, Definition)]
    called = defined & _called_names(statements)
    if called:
        return Grade(0.5, f"it calls {min(called)[:MAX_NAME_CHARACTERS]} and checks nothing")
    return Grade(0, "no example shows it at work")


def _called_names(statements: Sequence[ast.stmt]) -> set[str]:
    """Names that these statements call."""
    nodes = [node for statement in statements for node in ast.walk(statement)]
    return {
        node.func.id
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def _words_of_doctests(evidence: Evidence) -> set[str]:
    """Words in the examples of docstrings: of the module, and of all that is defined in it."""
    documented = [evidence.tree, *evidence.definitions, *evidence.functions]
    docstrings = [ast.get_docstring(node, clean=False) or "" for node in documented if node]
    lines = [line.strip() for docstring in docstrings for line in docstring.splitlines()]
    return {word for line in lines if line.startswith(">>>") for word in NAME.findall(line)}


STATIC_CRITERIA: dict[str, Callable[[Evidence], Grade]] = {
    criterion.__name__: criterion
    for criterion in (
        responds,
        keeps_to_the_point,
        stays_on_topic,
        is_readable,
        shows_itself_at_work,
    )
}
