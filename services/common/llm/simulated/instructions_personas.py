"""Recognises roles and manners: who the model is told to be, and how it is told to behave."""

import re
from collections.abc import Iterator

from services.common.llm.simulated.instructions import Finding, Reply
from services.common.llm.simulated.instructions_sentences import Clause

ROLE = re.compile(
    r"\b(?:you\s+are(?:\s+now)?|you're|act\s+(?:as|like)|behave\s+(?:as|like)|pretend\s+(?:to\s+be|you\s+are|"
    r"you're)|role-?play\s+as|take\s+the\s+role\s+of|your\s+(?:role|job)\s+is\s+(?:to\s+be|that\s+of)?|"
    r"imagine\s+you\s+are|speak\s+as|talk\s+like|speak\s+like|answer\s+(?:as|like)|respond\s+(?:as|like)|"
    r"in\s+the\s+(?:style|voice)\s+of|as\s+if\s+you\s+were|write\s+like)\s+(?:an?\s+|the\s+|only\s+)?"
    r"(?P<role>[^.;:,()\n]{2,80})",
    re.I,
)
ROLE_IN_KOREAN = re.compile(
    r"(?:당신은|너는)\s+(?P<role>[^.,\n]{1,40}?)(?:입니다|이다|이야|야|다)\b"
)
# Roles that write code, and roles that say nothing about what to write.
HARMLESS = re.compile(
    r"\b(?:cod(?:e|ing|er)|program\w*|develop\w*|engineer\w*|software|python\w*|javascript|comput\w*|scien\w+|"
    r"assistant|ai|model|llm|expert|generator|architect|hacker|compiler|linter|technical|senior|junior|stack|"
    r"algorithm\w*|helpful|tutor|teacher|mentor|instructor|professor|reviewer|tool|agent(?=$|\s+that))\b"
    r"|코드|코딩|개발자|프로그래머|엔지니어|전문가|도우미",
    re.I,
)
OFF_TOPIC = re.compile(
    r"\b(?:travel|tour|customer|support|service\s+(?:agent|bot|representative)|helpdesk|sales\w*|chef|cook|"
    r"baker|bartender|barista|waiter|sommelier|recipe|doctor|nurse|physician|medical|therapist|psychologist|"
    r"counsel\w*|coach|trainer|fitness|yoga|nutrition\w*|dietitian|lawyer|attorney|legal|judge|accountant|tax|"
    r"bank\w*|insurance|financial|real\s+estate|estate\s+agent|broker|marketing|advertis\w*|copywriter|"
    r"journalist|reporter|news|weather\w*|sports?|commentator|historian|history|philosoph\w+|priest|monk|"
    r"astrolog\w+|horoscope|fortune|psychic|tarot|gardener|florist|plumber|electrician|carpenter|mechanic|"
    r"farmer|pilot|driver|librarian|translator|interpreter|receptionist|concierge|hotel|restaurant|movie|"
    r"film|music\w*|fashion|stylist|makeup|dating|matchmaker|parent\w*|babysitter|veterinarian|comedian|"
    r"storyteller|novelist|dungeon\s+master|game\s+master|pet|shopping|booking)\b"
    r"|여행|상담|요리사|의사|변호사|고객",
    re.I,
)
CUSTOMER_SUPPORT = re.compile(
    r"\b(?:customer|travel|technical)\b.*\b(?:support|service|agent|bot)\b", re.I
)
POETIC = re.compile(r"\b(?:poet|bard|lyricist|rapper|songwriter|balladeer)\b|시인", re.I)
VOICES = {
    "pirate": r"pirate|buccaneer|해적",
    "shakespeare": r"shakespear\w*|elizabethan|medieval\s+\w+|knight",
    "cowboy": r"cowboy|cowgirl|sheriff",
    "yoda": r"yoda",
    "robot": r"robot|android|droid",
    "wizard": r"wizard|witch|sorcerer|gandalf",
    "cat": r"cat|kitten|고양이",
    "dog": r"dog|puppy|강아지",
    "baby": r"baby|toddler|child|five-year-old|5-year-old|kid",
    "vampire": r"vampire|dracula",
    "clown": r"clown|jester",
}
VOICE = re.compile(
    "|".join(rf"(?P<{voice}>\b(?:{words})s?\b)" for voice, words in VOICES.items()),
    re.I,
)
SPEAKS_ONLY = re.compile(r"\b(?:only|nothing\s+but)\b", re.I)

REFUSE = re.compile(
    r"\b(?:refuse|decline|reject|deny|turn\s+down)\s+(?:(?:to\s+(?:answer|help|assist|do|comply|respond|write)\b"
    r"[^.;]*)|(?:\w+\s+){0,2}?(?:every|all|any|each|everything|anything)\b[^.;]*|$)"
    r"|\b(?:always|only|just|simply|must)\s+(?:politely\s+)?(?:refuse|decline|apologi[sz]e)\b[^.;]*"
    r"|\bapologi[sz]e\b[^.;]*?(?:every\w*|all|anything|instead|do\s+nothing|nothing\s+else)\b[^.;]*"
    r"|\b(?:say|tell\s+\w+(?:\s+user)?|reply|respond|answer|explain)\s+(?:only\s+|just\s+)?(?:that\s+)?you\s+"
    r"(?:can(?:'t|not|\s+not)|are\s+(?:not\s+able|unable)|won't|will\s+not|are\s+not\s+allowed)\b[^.;]*"
    r"|거절|거부",
    re.I,
)
NEVER_HELP = re.compile(
    r"\b(?:never|do\s+not|don't|must\s+not|refuse\s+to)\s+(?:ever\s+)?(?:help|assist|comply|fulfil\w*|cooperate|"
    r"(?:answer|respond\s+to|do|reply\s+to)\s+(?:any|the|a|what)\b(?!\s+\w+\s+(?:in|with|as)\b)[^.;]*)"
    r"(?!\s+(?:with\s+anything\s+(?:but|other)|in\b|with\s+\w+ing))",
    re.I,
)
RESTRICTED = re.compile(
    r"\b(?:harmful|illegal|unsafe|malicious|malware|dangerous|inappropriate|off-topic|unrelated|unethical|"
    r"that\s+(?:are|is|ask|would)|which|about|other\s+than|hate|personal|sensitive|non-\w+|outside|unless)\b",
    re.I,
)
QUESTION = re.compile(
    r"\b(?:answer|reply|respond)\b[^.;]{0,30}\bwith\s+(?:only\s+|just\s+)?(?:a|another|more|only|further)?\s*"
    r"(?:\w+\s+)?questions?\b|\bask\b[^.;]{0,40}\bquestions?\b[^.;]{0,30}\b(?:instead|before|rather|only|first)\b[^.;]*"
    r"|\b(?:only|always|just)\s+ask\b[^.;]{0,30}\bquestions?\b|\bnever\s+answer\s+(?:directly|straight)\b",
    re.I,
)
ECHO = re.compile(
    r"\b(?:repeat|echo|copy|parrot|mirror|send|output|return)\s+(?:back\s+)?(?:exactly\s+)?(?:the|what\s+the|"
    r"whatever\s+the)\s+(?:user(?:'s)?|request|input|question|message|prompt)\b"
    r"(?!\s*(?:asked\s+for|wants|asks\s+for))[^.;]*",
    re.I,
)
RETURNS_REQUEST = re.compile(
    r"\b(?:restate|summari[sz]e|rephrase)\s+(?:only\s+)?the\s+(?:user's\s+)?"
    r"(?:request|question|input|message)\b(?!\s+(?:first|then|before))",
    re.I,
)
POEM = re.compile(
    r"\b(?:as|in|with|write|compose|only|answer|reply|respond|speak)\b[^.;]{0,40}?\b(?:poems?|haikus?|rhym\w+|"
    r"limericks?|sonnets?|verses?|songs?|rap|lyrics|ballads?|riddles?|poetry)\b|시로만?\s*(?:답|대답|써)",
    re.I,
)  # fmt: skip

MANNERS = (
    (REFUSE, Reply.REFUSAL, RESTRICTED),
    (QUESTION, Reply.QUESTION, re.compile(r"\bif\b|\bnever\s+ask", re.I)),
    (ECHO, Reply.ECHO, re.compile(r"\bthen\b|\bfirst\b", re.I)),
    (RETURNS_REQUEST, Reply.ECHO, re.compile(r"\bthen\b|\bfirst\b", re.I)),
    (POEM, Reply.POEM, re.compile(r"\bfunctions?\b", re.I)),
)


def find_manners(clause: Clause) -> Iterator[Finding]:
    """Orders to refuse, to ask back, to echo or to rhyme."""
    for pattern, reply, unless in MANNERS:
        match = pattern.search(clause.masked)
        if match is None or unless.search(clause.masked):
            continue
        changes: dict[str, object] = {"reply": reply}
        if clause.is_negated(match.start(), match.end()) and "you" not in match.group():
            changes = {"lifts": reply}
        yield Finding(clause.position + match.end(), changes)
    match = NEVER_HELP.search(clause.masked)
    if match and not RESTRICTED.search(clause.masked):
        yield Finding(clause.position + match.start(), {"reply": Reply.REFUSAL})


def find_roles(clause: Clause) -> Iterator[Finding]:
    """The role or voice that a clause gives the model."""
    for match in (*ROLE.finditer(clause.masked), *ROLE_IN_KOREAN.finditer(clause.masked)):
        role = match["role"].strip()
        position = clause.position + match.start()
        is_negated = clause.is_negated(match.start(), match.start("role")) or role.startswith(
            "not "
        )
        yield from _findings_of_role(role, position, is_negated=is_negated)
    voice = re.search(r"\b(?P<voice>pirate|shakespearean|yoda|cowboy)[\s-](?:speak|style|voice|talk|accent|slang|"
                      r"english)\b", clause.masked, re.I)  # fmt: skip
    if voice:
        is_negated = clause.is_negated(*voice.span())
        yield from _findings_of_role(
            voice["voice"], clause.position + voice.start(), is_negated=is_negated
        )


def _findings_of_role(role: str, position: int, *, is_negated: bool) -> Iterator[Finding]:
    voice = VOICE.search(role)
    if is_negated:
        if voice:
            yield Finding(position, {"voice": ""})
        elif POETIC.search(role):
            yield Finding(position, {"lifts": Reply.POEM})
        elif OFF_TOPIC.search(role):
            yield Finding(position, {"lifts": Reply.OFF_TOPIC})
    elif voice and voice.lastgroup:
        yield Finding(position, {"voice": voice.lastgroup})
    elif POETIC.search(role):
        yield Finding(position, {"reply": Reply.POEM})
    elif OFF_TOPIC.search(role) and (CUSTOMER_SUPPORT.search(role) or not HARMLESS.search(role)):
        yield Finding(position, {"reply": Reply.OFF_TOPIC, "reply_text": role})
    elif HARMLESS.search(role):
        yield Finding(position, {"lifts": Reply.OFF_TOPIC, "voice": ""})
