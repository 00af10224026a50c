"""Reads a system prompt, or a request's wishes, into instructions."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from simulated_model.instructions.constructs import find_constructs
from simulated_model.instructions.demonstrations import blank, read_demonstrations
from simulated_model.instructions.directives import SILENT, Directive, Instructions, follow
from simulated_model.instructions.forms import find_forms
from simulated_model.instructions.languages import find_human_languages, find_languages
from simulated_model.instructions.limits import find_limits
from simulated_model.instructions.manners import find_manners, find_topics
from simulated_model.instructions.replies import find_replies
from simulated_model.instructions.roles import find_roles
from simulated_model.instructions.sentences import Clause, split_clauses, split_sentences
from simulated_model.instructions.wrappings import find_frames, find_wrappings

ClauseReader = Callable[[Clause], Iterator[Directive]]

ATTENDED_CHARACTERS = 8000
WISHES_CHARACTERS = 2000
CACHED_READINGS = 64
# In a request these are more often what a program works on than what it is written in.
DATA_LANGUAGES = frozenset({"html", "css", "sql", "text"})
CODE_BLOCK = re.compile(r"```.*?(?:```|\Z)", re.S)

# What a request may wish for, and what only a system prompt can order.
WISH_READERS = (find_forms, find_languages, find_human_languages)
ORDER_READERS = (
    *WISH_READERS,
    find_roles,
    find_manners,
    find_topics,
    find_limits,
    find_wrappings,
    find_constructs,
)
SENTENCE_READERS = (find_replies, find_frames)


@lru_cache(maxsize=CACHED_READINGS)
def read_instructions(prompt: str) -> Instructions:
    """Read what `prompt` asks for; of contradictory instructions the last one counts.

    Only the last 8,000 characters of a long prompt are attended to.
    """
    directives, remaining = read_demonstrations(prompt[-ATTENDED_CHARACTERS:])
    for sentence in split_sentences(CODE_BLOCK.sub(blank, remaining)):
        directives.extend(_find_in_clauses(sentence, ORDER_READERS))
        for find in SENTENCE_READERS:
            directives.extend(
                replace(f, position=sentence.position + len(sentence.text)) for f in find(sentence)
            )
    return _follow(directives)


def read_wishes(request: str) -> Instructions:
    """Read what a request says about language and form; code blocks are left out."""
    text = CODE_BLOCK.sub("\n", request)
    if len(text) > 2 * WISHES_CHARACTERS:
        text = text[:WISHES_CHARACTERS] + "\n" + text[-WISHES_CHARACTERS:]
    wishes = _follow(
        directive
        for sentence in split_sentences(text)
        for directive in _find_in_clauses(sentence, WISH_READERS)
    )
    return replace(wishes, language="") if wishes.language in DATA_LANGUAGES else wishes


def _find_in_clauses(sentence: Clause, readers: Sequence[ClauseReader]) -> Iterator[Directive]:
    for clause in split_clauses(sentence):
        for find in readers:
            yield from find(clause)


def _follow(directives: Iterable[Directive]) -> Instructions:
    instructions = SILENT
    for directive in sorted(directives, key=lambda directive: directive.position):
        instructions = follow(instructions, directive)
    return instructions
