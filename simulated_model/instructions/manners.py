"""Recognises orders to refuse, to ask back, to echo, to rhyme, or to talk of something else."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from simulated_model.instructions.directives import Finding, Reply
from simulated_model.instructions.sentences import Clause

REFUSE = (
    r"\b(?:refuse|decline|reject|deny|turn\s+down)\s+(?:to\s+(?:answer|help|assist|do|comply|"
    r"respond|write)\b|(?:\w+\s+){0,2}?(?:every|all|any|each|everything|anything)\b)[^.;]*"
    r"|\b(?:refuse|apologi[sz]e)\b(?=\s*(?:$|[.,!]|or\b|and\b))"
    r"|\b(?:always|only|just|simply|must)\s+(?:politely\s+)?(?:refuse|decline|apologi[sz]e)\b[^.;]*"
    r"|\bapologi[sz]e\b[^.;]*?\b(?:every\w*|all|anything|instead|nothing)\b[^.;]*"
    r"|\b(?:say|tell\s+\w+(?:\s+user)?|reply|respond|answer|explain)\s+(?:only\s+|just\s+)?"
    r"(?:that\s+)?you\s+(?:can(?:'t|not|\s+not)|are\s+(?:not\s+able|unable|not\s+allowed)|won't|"
    r"will\s+not)\b[^.;]*|거절하|거부하|사과만"
)
NEVER_HELP = re.compile(
    r"\b(?:never|do\s+not|don't|must\s+not)\s+(?:ever\s+)?(?:(?:help|assist|comply|cooperate)\b"
    r"(?!\s+with\s+(?:anything\s+(?:but|other)|\w+ing))|(?:answer|respond\s+to|reply\s+to)\s+"
    r"(?:any|the|what)\b(?!\s+\w+\s+(?:in|with|as)\b))",
    re.I,
)
# Words that narrow a refusal to some requests.
RESTRICTED = re.compile(
    r"\b(?:harmful|illegal|unsafe|malicious|malware|dangerous|inappropriate|off-topic|unrelated|"
    r"unethical|that\s+(?:are|is|ask|would)|which|about|other\s+than|hate|personal|sensitive|"
    r"non-\w+|outside|unless)\b",
    re.I,
)
ASK_BACK = (
    r"\b(?:answer|reply|respond)\b[^.;]{0,30}\bwith\s+(?:only\s+|just\s+)?"
    r"(?:a|another|more|only|further)?\s*(?:\w+\s+)?questions?\b"
    r"|\bask\b[^.;]{0,40}\bquestions?\b[^.;]{0,30}\b(?:instead|before|rather|only|first)\b[^.;]*"
    r"|\b(?:only|always|just)\s+ask\b[^.;]{0,30}\bquestions?\b"
    r"|\bnever\s+answer\s+(?:directly|straight)\b"
)
ECHO = (
    r"\b(?:repeat|echo|copy|parrot|mirror|send|output|return)\s+(?:back\s+)?(?:exactly\s+)?"
    r"(?:the|what\s+the|whatever\s+the)\s+(?:user(?:'s)?|request|input|question|message|prompt)\b"
    r"(?!\s*(?:asked\s+for|wants|asks\s+for))[^.;]*"
    r"|\b(?:restate|summari[sz]e|rephrase)\s+(?:only\s+)?the\s+(?:user's\s+)?"
    r"(?:request|question|input|message)\b"
)
POEM = (
    r"\b(?:as|in|with|write|compose|only|answer|reply|respond|speaks?)\b[^.;]{0,40}?"
    r"\b(?:poems?|haikus?|rhym\w+|limericks?|sonnets?|verses?|songs?|rap|lyrics|ballads?|"
    r"riddles?|poetry)\b|시로만?\s*(?:답|대답|써)"
)
OTHER_WRITING = re.compile(
    r"\b(?:produce|write|give|tell|answer\s+with|reply\s+with|respond\s+with|offer|share)\s+"
    r"(?:(?:the\s+user|them|everyone|only)\s+)?(?:an?\s+)(?:\w+\s+)?(?P<topic>recipe|joke|horoscope|"
    r"story|weather\s+report|advertisement|quote|fun\s+fact|compliment|essay|letter|news\s+item)s?\b",
    re.I,
)
OTHER_TALK = re.compile(
    r"\b(?:only|exclusively|just|always)\s+(?:talk|speak|chat|write|answer|discuss|respond)\w*\s+"
    r"(?:questions\s+)?(?:about\s+)?(?P<topic>(?:\w+\s+){0,3}\w+)"
    r"|\b(?:talk|speak|chat|write|respond)\s+(?:only|exclusively)\s+about\s+(?P<topic2>[^.,;]+)",
    re.I,
)
ABOUT_CODE = re.compile(
    r"\b(?:code|coding|python|program\w*|algorithms?|software|computer\w*|functions?|in|with|as|"
    r"the\s+(?:request|task|question|user)|questions?|when|if|to|what|directly)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Manner:
    wordings: re.Pattern[str]
    reply: Reply
    unless: re.Pattern[str]


MANNERS = (
    _Manner(re.compile(REFUSE, re.I), Reply.REFUSAL, RESTRICTED),
    _Manner(re.compile(ASK_BACK, re.I), Reply.QUESTION, re.compile(r"\bif\b|\bnever\s+ask", re.I)),
    _Manner(re.compile(ECHO, re.I), Reply.ECHO, re.compile(r"\b(?:then|first|before)\b", re.I)),
    _Manner(re.compile(POEM, re.I), Reply.POEM, re.compile(r"\bfunctions?\b", re.I)),
)


def find_manners(clause: Clause) -> Iterator[Finding]:
    """Orders about how to behave, other than by writing code.

    They stand where their wording ends, so that they outweigh what else is read in it.
    """
    for manner in MANNERS:
        match = manner.wordings.search(clause.masked)
        if match is None or manner.unless.search(clause.masked):
            continue
        tells_inability = re.search(r"\byou\s", match.group(), re.I) is not None
        if clause.is_negated(match.start(), match.end()) and not tells_inability:
            yield Finding(clause.position + match.end(), {"lifts": manner.reply})
        else:
            yield Finding(clause.position + match.end(), {"reply": manner.reply})
    match = NEVER_HELP.search(clause.masked)
    if match and not RESTRICTED.search(clause.masked):
        yield Finding(clause.position + match.end(), {"reply": Reply.REFUSAL})


def find_topics(clause: Clause) -> Iterator[Finding]:
    """Orders to write or to talk about something that isn't code."""
    writing = OTHER_WRITING.search(clause.masked)
    if writing and not clause.is_negated(*writing.span()):
        changes = {"reply": Reply.OFF_TOPIC, "reply_text": f"{writing['topic']} writer"}
        yield Finding(clause.position + writing.end(), changes)
    talk = OTHER_TALK.search(clause.masked)
    if talk and re.search(r"\babout\b|\bdiscuss", talk.group(), re.I):
        topic = (talk["topic"] or talk["topic2"]).strip()
        if not ABOUT_CODE.search(topic) and not clause.is_negated(*talk.span()):
            changes = {"reply": Reply.OFF_TOPIC, "reply_text": f"specialist in {topic}"}
            yield Finding(clause.position + talk.end(), changes)
