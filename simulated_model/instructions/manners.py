"""Recognises orders to refuse, to ask back, to echo, to rhyme, or to talk of something else."""

import re
from collections.abc import Iterator

from simulated_model.instructions.directives import Directive, Reply
from simulated_model.instructions.sentences import Clause
from simulated_model.instructions.wordings import Form, find_wordings

REFUSE = (
    r"\b(?:refuse|decline|reject|deny|turn\s+down)\s+(?:to\s+(?:answer|help|assist|do|comply|"
    r"respond|write)\b|(?:\w+\s+){0,2}?(?:every|all|any|each|everything|anything)\b)[^.;]*"
    r"|\b(?:refuse|apologi[sz]e)\b(?=\s*(?:$|[.,!]|or\b|and\b))"
    r"|\b(?:always|only|just|simply|must)\s+(?:politely\s+)?(?:refuse|decline|apologi[sz]e)\b[^.;]*"
    r"|\bapologi[sz]e\b[^.;]*?\b(?:every\w*|all|anything|instead|nothing)\b[^.;]*"
    r"|거절하|거부하|사과만"
)
# To say that one can't is to refuse, whatever is negated before: "instead of answering, say that".
SAY_UNABLE = (
    r"\b(?:say|tell\s+\w+(?:\s+user)?|reply|respond|answer|explain)\s+(?:only\s+|just\s+)?"
    r"(?:that\s+)?you\s+(?:can(?:'t|not|\s+not)|are\s+(?:not\s+able|unable|not\s+allowed)|won't|"
    r"will\s+not)\b[^.;]*"
)
NEVER_HELP = (
    r"\b(?:never|do\s+not|don't|must\s+not)\s+(?:ever\s+)?(?:(?:help|assist|comply|cooperate)\b"
    r"(?!\s+with\s+(?:anything\s+(?:but|other)|\w+ing))|(?:answer|respond\s+to|reply\s+to)\s+"
    r"(?:any|the|what)\b(?!\s+\w+\s+(?:in|with|as)\b))"
)
# Words that narrow a refusal to some requests.
RESTRICTED = (
    r"\b(?:harmful|illegal|unsafe|malicious|malware|dangerous|inappropriate|off-topic|unrelated|"
    r"unethical|that\s+(?:are|is|ask|would)|which|about|other\s+than|hate|personal|sensitive|"
    r"non-\w+|outside|unless)\b"
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


MANNERS = (
    Form(REFUSE, {"reply": Reply.REFUSAL}, {"lifts": Reply.REFUSAL}, unless=RESTRICTED),
    Form(SAY_UNABLE, {"reply": Reply.REFUSAL}, absolute=True, unless=RESTRICTED),
    Form(
        ASK_BACK,
        {"reply": Reply.QUESTION},
        {"lifts": Reply.QUESTION},
        unless=r"\bif\b|\bnever\s+ask",
    ),
    Form(ECHO, {"reply": Reply.ECHO}, {"lifts": Reply.ECHO}, unless=r"\b(?:then|first|before)\b"),
    Form(POEM, {"reply": Reply.POEM}, {"lifts": Reply.POEM}, unless=r"\bfunctions?\b"),
    Form(NEVER_HELP, {"reply": Reply.REFUSAL}, absolute=True, unless=RESTRICTED),
)


def find_manners(clause: Clause) -> Iterator[Directive]:
    """Find orders about how to behave, other than by writing code.

    Their place is the end of their wording, so that they outweigh what else is read in it.
    """
    for manner in MANNERS:
        yield from find_wordings(clause, [manner], at_end=True)


def find_topics(clause: Clause) -> Iterator[Directive]:
    """Find orders to write or to talk about something that isn't code."""
    writing = OTHER_WRITING.search(clause.masked)
    if writing and not clause.is_negated(*writing.span()):
        changes = {"reply": Reply.OFF_TOPIC, "reply_text": f"{writing['topic']} writer"}
        yield Directive(clause.position + writing.end(), changes)
    talk = OTHER_TALK.search(clause.masked)
    if talk and any(word in talk[0].lower() for word in ("about", "discuss")):
        topic = (talk["topic"] or talk["topic2"]).strip()
        if not ABOUT_CODE.search(topic) and not clause.is_negated(*talk.span()):
            changes = {"reply": Reply.OFF_TOPIC, "reply_text": f"specialist in {topic}"}
            yield Directive(clause.position + talk.end(), changes)
