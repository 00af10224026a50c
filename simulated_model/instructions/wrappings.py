"""Recognises what the answer is to be wrapped in: JSON, a tag, words before and after."""

import re
from collections.abc import Iterator

from simulated_model.instructions.directives import Finding, Reply, Wrapping
from simulated_model.instructions.sentences import QUOTED, Clause, Sentence, is_unmet

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
UPPER_CASE = re.compile(
    r"\b(?:answer|reply|respond|write|speak|shout|output|only|everything|use)\b[^.;]{0,30}?"
    r"\b(?:all[\s-]caps|capital\s+letters|capitals|upper\s?case(?:\s+letters)?)\b",
    re.I,
)
OF_NAMES = re.compile(r"\b(?:constants?|names?|variables?|class(?:es)?|keywords?|sql)\b", re.I)
MARKUP = re.compile(rf"\b{ANSWER}\s+(?:\w+\s+){{0,3}}?(?P<name>xml|yaml)\b", re.I)
EMOJI = re.compile(
    r"\bonly\b[^.;]{0,25}\bemojis?\b|\bemojis?\s+only\b"
    r"|\b(?:answer|respond|reply|communicate|speak)\s+(?:\w+\s+)?(?:in|with|using)\s+(?:only\s+)?emojis?\b",
    re.I,
)
EMOJI_REPLY = "🤔🔎💻✅"


def find_wrappings(clause: Clause) -> Iterator[Finding]:
    """JSON, a tag, capitals or emoji around or instead of the code."""
    json_match = JSON.search(clause.masked)
    if json_match:
        position = clause.position + json_match.start()
        if clause.is_negated(json_match.start(), json_match.end()):
            yield Finding(position, {"wrapping": Wrapping.FENCES})
        else:
            names = _keys_in(clause.text[json_match.start() :])
            yield Finding(
                position, {"reply": Reply.CODE, "wrapping": Wrapping.JSON, "wrapping_names": names}
            )
    tag = TAG.search(clause.text)
    if tag and not clause.is_negated(tag.start(), tag.end()):
        yield Finding(
            clause.position + tag.start(),
            {"wrapping": Wrapping.TAG, "wrapping_names": (tag["tag"],)},
        )
    markup = MARKUP.search(clause.masked)
    if markup and not clause.is_negated(*markup.span()):
        names = ("answer",)
        yield Finding(
            clause.position + markup.start(), {"wrapping": Wrapping.TAG, "wrapping_names": names}
        )
    capitals = UPPER_CASE.search(clause.masked)
    if capitals and not OF_NAMES.search(clause.masked):
        is_asked = not clause.is_negated(*capitals.span())
        yield Finding(clause.position + capitals.start(), {"is_upper_case": is_asked})
    emoji = EMOJI.search(clause.masked)
    if emoji and not clause.is_negated(*emoji.span()):
        yield Finding(
            clause.position + emoji.end(), {"reply": Reply.FIXED, "reply_text": EMOJI_REPLY}
        )


def find_frames(sentence: Sentence) -> Iterator[Finding]:
    """Quoted words that every answer is to begin or to end with."""
    for pattern, name in ((PREFIX, "prefix"), (SUFFIX, "suffix")):
        match = pattern.search(sentence.masked)
        if match is None or is_unmet(sentence.masked):
            continue
        if re.search(r"\b(?:never|not|don't)\b[^.;]*$", sentence.masked[: match.start()], re.I):
            continue
        quoted = QUOTED.match(sentence.text[match.start("text") :])
        if quoted:
            text = next((group for group in quoted.groups() if group), "")
            yield Finding(sentence.position + match.start(), {name: text})


def _keys_in(text: str) -> tuple[str, ...]:
    named = JSON_KEY.findall(text)
    if not named:
        listed = NAMED_KEYS.search(text)
        named = re.findall(r"\w+", listed.group(1)) if listed else []
        named = [name for name in named if name.lower() not in {"and", "the", "a"}]
    return tuple(dict.fromkeys(named))
