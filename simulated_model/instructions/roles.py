"""Recognises the role that the model is given: a voice to imitate, a poet, one off topic."""

import re
from collections.abc import Iterator

from simulated_model.instructions.directives import Directive, Reply
from simulated_model.instructions.sentences import Clause

ROLE = re.compile(
    r"\b(?:you\s+are(?:\s+now)?|you're|(?:act|behave|answer|respond|reply)\s+(?:as|like)|pretend\s+"
    r"(?:to\s+be|you\s+are|you're)|role-?play\s+as|take\s+the\s+role\s+of|your\s+role\s+is|imagine\s+"
    r"you\s+are|(?:speak|talk|write)\s+(?:as|like)|in\s+the\s+(?:style|voice)\s+of|as\s+if\s+you\s+"
    r"were)\s+(?:an?\s+|the\s+|only\s+)?(?P<role>[^.;:,()\n]{2,80})"
    r"|(?:당신은|너는)\s+(?P<korean>[^.,\n]{1,40}?)(?:입니다|이다|이야|야|다)\b",
    re.I,
)
VOICE_NAMED = re.compile(
    r"\b(?P<role>pirate|shakespearean|yoda|cowboy)[\s-]"
    r"(?:speak|style|voice|talk|accent|slang|english)\b",
    re.I,
)
# Roles that write code, and roles that say nothing about what to write.
HARMLESS = re.compile(
    r"\b(?:cod(?:e|ing|er)|program\w*|develop\w*|engineer\w*|software|python\w*|javascript|"
    r"comput\w*|scien\w+|assistant|ai|model|llm|expert|generator|architect|hacker|compiler|linter|"
    r"technical|senior|junior|stack|algorithm\w*|helpful|tutor|teacher|mentor|instructor|"
    r"professor|reviewer|tool|agent(?=$|\s+that))\b|코드|코딩|개발자|프로그래머|엔지니어|전문가|도우미",
    re.I,
)
OCCUPATIONS = """
    travel tour customer support helpdesk chef cook baker bartender barista waiter sommelier recipe
    doctor nurse physician medical therapist psychologist counselor counsellor coach trainer fitness
    yoga nutritionist dietitian lawyer attorney legal judge accountant tax banker bank insurance
    financial broker marketing advertising copywriter salesperson salesman sales journalist reporter
    news weather weatherman sport sports commentator historian philosopher priest monk astrologer
    horoscope psychic tarot gardener florist plumber electrician carpenter mechanic farmer pilot
    driver librarian translator interpreter receptionist concierge hotel restaurant movie film music
    musician fashion stylist makeup dating matchmaker parenting babysitter veterinarian comedian
    storyteller novelist pet shopping booking astronaut detective soldier king queen ghost tourist
""".split()
OFF_TOPIC = re.compile(
    rf"\b(?:{'|'.join(OCCUPATIONS)}|service\s+(?:agent|bot|representative)|real\s+estate|"
    r"fortune\s+teller|(?:dungeon|game)\s+master)s?\b|여행|상담|요리사|의사|변호사|고객",
    re.I,
)
# "Helpful customer support assistant" is off topic although it has harmless words.
SERVICES = frozenset(
    "customer travel booking shopping medical legal financial fitness weather recipe".split()
)
POETIC = re.compile(r"\b(?:poet|bard|lyricist|rapper|songwriter|balladeer)\b|시인", re.I)
VOICES = {
    "pirate": r"pirate|buccaneer|해적",
    "shakespeare": r"shakespear\w*|elizabethan|knight",
    "cowboy": r"cowboy|cowgirl|sheriff",
    "yoda": r"yoda",
    "robot": r"robot|android|droid",
    "wizard": r"wizard|witch|sorcerer|gandalf",
    "cat": r"cat|kitten|고양이",
    "dog": r"dog|puppy|강아지",
    "baby": r"baby|toddler|child|kid|(?:five|5)[\s-]year[\s-]old",
    "vampire": r"vampire|dracula",
    "clown": r"clown|jester",
}
VOICE = re.compile(
    "|".join(rf"(?P<{voice}>\b(?:{words})s?\b)" for voice, words in VOICES.items()), re.I
)


def find_roles(clause: Clause) -> Iterator[Directive]:
    """Find the role or voice that a clause gives the model."""
    for pattern in (ROLE, VOICE_NAMED):
        for match in pattern.finditer(clause.masked):
            groups = match.groupdict()
            role = (groups["role"] or groups.get("korean") or "").strip()
            is_negated = clause.is_negated(match.start(), match.start()) or role.startswith("not ")
            changes = _lift(role) if is_negated else _take_on(role)
            if changes:
                yield Directive(clause.position + match.start(), changes)


def _take_on(role: str) -> dict[str, object]:
    voice = VOICE.search(role)
    if voice:
        return {"voice": voice.lastgroup}
    if POETIC.search(role):
        return {"reply": Reply.POEM}
    if OFF_TOPIC.search(role) and (
        SERVICES & set(role.lower().split()) or not HARMLESS.search(role)
    ):
        return {"reply": Reply.OFF_TOPIC, "reply_text": role}
    if HARMLESS.search(role):
        return {"lifts": Reply.OFF_TOPIC, "voice": ""}
    return {}


def _lift(role: str) -> dict[str, object]:
    if VOICE.search(role):
        return {"voice": ""}
    if POETIC.search(role):
        return {"lifts": Reply.POEM}
    return {"lifts": Reply.OFF_TOPIC}
