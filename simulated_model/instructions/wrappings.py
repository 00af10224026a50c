"""Recognises what the answer is to be wrapped in: JSON, a tag, words before and after."""

import re
from collections.abc import Iterator

from simulated_model.instructions.directives import Directive, Reply, Wrapping
from simulated_model.instructions.sentences import QUOTED, Clause, is_unmet
from simulated_model.instructions.wordings import Form, find_wordings

ANSWER = (
    r"(?:answer|reply|respond|output|return|write|give|format|produce|emit|wrap|provide|present)"
)
JSON = re.compile(
    rf"\b{ANSWER}\b(?:(?!function|class|method)[^.;]){{0,40}}?\bjson\b"
    r"(?![-\s]*(?:seriali|input|strings\b|parser|file|data\b|decod|encod))"
    r"|\b(?:valid\s+|only\s+|pure\s+)json\b(?!\s+(?:input|strings?))"
    r"|\bjson\s+(?:only|object\s+with|format)\b|json\s?(?:형식|으로|만)",
    re.I,
)
JSON_KEY = re.compile(r"[{,]\s*[\"']?(\w{1,40})[\"']?\s*:")
NAMED_KEYS = re.compile(
    r"\b(?:keys?|fields?|property|properties)\s+(?:named\s+|called\s+|of\s+)?"
    r"((?:[\"'`]?\w+[\"'`]?(?:\s*,\s*(?:and\s+)?|\s+and\s+)?){1,6})",
    re.I,
)
TAG = re.compile(
    rf"\b(?:{ANSWER}|put|enclose|place|inside|within|between|in)\b[^.;<]{{0,40}}<(?P<tag>[A-Za-z][\w-]{{0,30}})>",
    re.I,
)
PREFIX = re.compile(
    r"\b(?:start|begin|open|preface|prefix)\b[^.;]{0,40}?\b(?:answers?|repl(?:y|ies)|responses?|outputs?|message|it|with)\b"
    r"[^.;]{0,20}?(?:with|by\s+saying)\s+(?:the\s+(?:words?|phrase|sentence)\s+)?(?P<text>.+)",
    re.I,
)
SUFFIX = re.compile(
    r"\b(?:end|finish|close|conclude|sign\s+off)\b[^.;]{0,40}?\b(?:with|by\s+saying)\s+"
    r"(?:the\s+(?:words?|phrase|sentence)\s+)?(?P<text>.+)",
    re.I,
)
NEGATIONS = frozenset({"never", "not", "don't"})
OF_NAMES = r"\b(?:constants?|names?|variables?|class(?:es)?|keywords?|sql)\b"
UPPER_CASE = Form(
    r"\b(?:answer|reply|respond|write|speak|shout|output|only|everything|use)\b[^.;]{0,30}?"
    r"\b(?:all[\s-]caps|capital\s+letters|capitals|upper\s?case(?:\s+letters)?)\b",
    {"is_upper_case": True},
    {"is_upper_case": False},
    unless=OF_NAMES,
)
MARKUP = Form(
    rf"\b{ANSWER}\s+(?:\w+\s+){{0,3}}?(?:xml|yaml)\b",
    {"wrapping": Wrapping.TAG, "wrapping_names": ("answer",)},
)
EMOJI = Form(
    r"\bonly\b[^.;]{0,25}\bemojis?\b|\bemojis?\s+only\b"
    r"|\b(?:answer|respond|reply|communicate|speak)\s+(?:\w+\s+)?(?:in|with|using)\s+(?:only\s+)?emojis?\b",
    {"reply": Reply.FIXED, "reply_text": "🤔🔎💻✅"},
)


def find_wrappings(clause: Clause) -> Iterator[Directive]:
    """Find orders to put JSON, a tag, capitals or emoji around the code or in its place."""
    json_match = JSON.search(clause.masked)
    if json_match:
        changes: dict[str, object] = {"wrapping": Wrapping.FENCES}
        if not clause.is_negated(*json_match.span()):
            names = _keys_in(clause.text[json_match.start() :])
            changes = {"reply": Reply.CODE, "wrapping": Wrapping.JSON, "wrapping_names": names}
        yield Directive(clause.position + json_match.start(), changes)
    tag = TAG.search(clause.text)
    if tag and not clause.is_negated(tag.start(), tag.end()):
        changes = {"wrapping": Wrapping.TAG, "wrapping_names": (tag["tag"],)}
        yield Directive(clause.position + tag.start(), changes)
    yield from find_wordings(clause, [MARKUP, UPPER_CASE])
    yield from find_wordings(clause, [EMOJI], at_end=True)


def find_frames(sentence: Clause) -> Iterator[Directive]:
    """Find quoted words that every answer is to begin or to end with."""
    for pattern, name in ((PREFIX, "prefix"), (SUFFIX, "suffix")):
        match = pattern.search(sentence.masked)
        if match is None or is_unmet(sentence.masked):
            continue
        before = sentence.masked[: match.start()].lower().replace(";", ".").rpartition(".")[2]
        if not NEGATIONS.isdisjoint(before.split()):
            continue
        quoted = QUOTED.match(sentence.text[match.start("text") :])
        if quoted:
            text = next((group for group in quoted.groups() if group), "")
            yield Directive(sentence.position + match.start(), {name: text})


def _keys_in(text: str) -> tuple[str, ...]:
    named = JSON_KEY.findall(text)
    if not named:
        listed = NAMED_KEYS.search(text)
        words = listed[1].replace(",", " ").split() if listed else []
        named = [word.strip("\"'`") for word in words if word.lower() not in {"and", "the", "a"}]
    return tuple(dict.fromkeys(named))
