"""What a system prompt asks for, as plain values: None or empty where it says nothing."""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any


class Reply(Enum):
    """The kind of answer."""

    CODE = auto()
    FIXED = auto()
    REFUSAL = auto()
    PROSE = auto()
    POEM = auto()
    OFF_TOPIC = auto()
    QUESTION = auto()
    ECHO = auto()


class Wrapping(Enum):
    """What stands around the code."""

    FENCES = auto()
    NOTHING = auto()
    JSON = auto()
    TAG = auto()


class Unit(Enum):
    """What a length limit counts."""

    CHARACTERS = auto()
    WORDS = auto()
    LINES = auto()
    SENTENCES = auto()


@dataclass(frozen=True, slots=True)
class Limit:
    """The greatest length of the answer: `count` units, at least 1."""

    unit: Unit
    count: int


@dataclass(frozen=True, slots=True)
class Instructions:
    """Everything that the model was told, with contradictions resolved.

    Attributes:
        reply_text: The fixed reply, or the role that steers off topic.
        wrapping_names: Keys of the JSON object, or the name of the tag.
        is_stub: Whether to leave the body out.
        only_code: Whether nothing may stand beside the code.
        docstring, type_hints, examples, comments, explanation: What goes with the code.
        limits: Greatest lengths, at most one a unit.
        prose_language: Human language of what isn't code.
    """

    reply: Reply | None = None
    reply_text: str = ""
    language: str = ""
    excluded_languages: tuple[str, ...] = ()
    wrapping: Wrapping | None = None
    wrapping_names: tuple[str, ...] = ()
    is_stub: bool | None = None
    only_code: bool | None = None
    docstring: bool | None = None
    type_hints: bool | None = None
    examples: bool | None = None
    comments: bool | None = None
    explanation: bool | None = None
    constructs: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    prose_language: str = ""
    voice: str = ""
    prefix: str = ""
    suffix: str = ""
    is_upper_case: bool | None = None


DEFAULT_LANGUAGE = "python"
SILENT = Instructions()

# What a request may settle where the system prompt is silent.
OPEN_TO_REQUEST = tuple(
    """language wrapping only_code docstring type_hints examples comments explanation
    prose_language""".split()
)


@dataclass(frozen=True, slots=True)
class Directive:
    """One order found in a text: its place, and what it changes in the instructions."""

    position: int
    changes: dict[str, Any]


def follow(instructions: Instructions, directive: Directive) -> Instructions:
    """Apply one more directive; where it contradicts an earlier one, it wins."""
    changes = dict(directive.changes)
    if "limits" in changes:
        units = {limit.unit for limit in changes["limits"]}
        kept = tuple(limit for limit in instructions.limits if limit.unit not in units)
        changes["limits"] = kept + changes["limits"]
    if "constructs" in changes:
        kept_names = [n for n in instructions.constructs if n not in changes["constructs"]]
        changes["constructs"] = (*kept_names, *changes["constructs"])
    for name in changes.pop("forbidden", ()):
        remaining = changes.get("constructs", instructions.constructs)
        changes["constructs"] = tuple(n for n in remaining if n != name)
    lifted = changes.pop("lifts", None)
    if lifted is not None and lifted is instructions.reply:
        changes["reply"] = Reply.CODE
    excluded = changes.pop("excluded_language", "")
    fallback = changes.pop("fallback_language", "")
    if excluded:
        changes["excluded_languages"] = (*instructions.excluded_languages, excluded)
        if excluded == (instructions.language or DEFAULT_LANGUAGE):
            changes["language"] = fallback
    elif "language" in changes:
        others = (n for n in instructions.excluded_languages if n != changes["language"])
        changes["excluded_languages"] = tuple(others)
    return replace(instructions, **changes)


def fill_silence(instructions: Instructions, wishes: Instructions) -> Instructions:
    """Add a request's wishes on the points that the system prompt leaves open."""
    settled = {
        name: getattr(wishes, name)
        for name in OPEN_TO_REQUEST
        if _is_silent(getattr(instructions, name))
    }
    if settled.get("language") in instructions.excluded_languages:
        settled.pop("language")
    if instructions.reply is None and wishes.reply in (Reply.PROSE, Reply.CODE):
        settled["reply"] = wishes.reply
    return replace(instructions, **settled)


def _is_silent(value: object) -> bool:
    return value is None or value in ("", ())
