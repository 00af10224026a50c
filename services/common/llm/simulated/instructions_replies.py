"""Recognises instructions to reply one and the same thing, to refuse, or to evade."""

import re
from collections.abc import Iterator

from services.common.llm.simulated.instructions import Finding, Reply
from services.common.llm.simulated.instructions_languages import ANY
from services.common.llm.simulated.instructions_sentences import (
    MASK,
    QUOTED,
    Sentence,
    is_unmet,
    split_clauses,
)

MAX_UNQUOTED_WORDS = 8

SAY = (
    r"(?:say(?:ing)?|repl(?:y|ying)|respond(?:ing)?|answer(?:ing)?|output(?:ting)?|print(?:ing)?|"
    r"return(?:ing)?|writ(?:e|ing)|repeat(?:ing)?|echo(?:ing)?|type|state|utter|send)"
)
EVERYTHING = (
    r"(?:everything|anything|everyone|everybody|anyone|whatever\b[^,.;]*|"
    r"(?:every|each|any|all|all\s+of\s+the|all\s+the)\s+(?:\w+\s+){0,2}?(?:questions?|requests?|messages?|"
    r"inputs?|prompts?|queries|query|tasks?|things?|users?|turns?|cases?|time|person|people|code))"
    r"(?:\s+(?:you\s+(?:get|receive|are\s+asked)|(?:the\s+)?users?\s+(?:says?|asks?|sends?|writes?)|"
    r"they\s+(?:say|ask)|that\s+(?:comes|is)\s+\w+))?"
)
REGARDLESS = (
    r"(?:no\s+matter\b[^,.;]*|regardless\b[^,.;]*|whatever\s+(?:the\s+user|you|they|is|anyone|the)\b[^,.;]*|"
    rf"(?:for|to|in)\s+{EVERYTHING}|every\s+(?:single\s+)?time|without\s+exception)"
)
ONLY = r"(?:only|just|simply|merely|always|exclusively|nothing\s+but|nothing\s+other\s+than|ever)"
PREPOSITION = r"(?:\s+back)?(?:\s+(?:with|by\s+saying|using|exactly|precisely|literally|verbatim))*"
NAMING = r"(?:(?:exactly|only|just|literally)\s+)*(?:the\s+(?:\w+\s+)?(?:words?|phrase|text|string|sentence|message|reply|answer|line)s?\s*:?\s*)?"

# Each captures the reply as `text`. `^` and the look-behinds keep "start your answer with" out.
NOT_A_NOUN = r"(?<!your )(?<!the )(?<!each )(?<!an )(?<!every )(?<!with an )"
TAIL = r"(?:\s*,)?\s+"
PATTERNS = tuple(
    re.compile(pattern, re.I)
    for pattern in (
        # "reply to everything with X", "answer every question by saying X"
        rf"{NOT_A_NOUN}\b(?:{SAY}|react|greet|meet)\s+(?:{ONLY}\s+)?(?:to\s+|on\s+)?{EVERYTHING}\s+"
        rf"(?:{ONLY}\s+)?(?:with|by\s+saying|by\s+replying|using|as)\s+(?:{ONLY}\s+)?(?P<text>.+)",
        # "just say X to everything", "say X whatever the user asks"
        rf"{NOT_A_NOUN}\b{SAY}{PREPOSITION}\s+(?:{ONLY}\s+)?(?P<text>[^:]+?){TAIL}"
        rf"(?:to|for|in\s+(?:response|reply|answer)\s+to|on|at)\s+{EVERYTHING}(?P<rest>.*)",
        rf"{NOT_A_NOUN}\b{SAY}{PREPOSITION}\s*:?\s+(?:{ONLY}\s+)?(?P<text>.+?){TAIL}{REGARDLESS}.*",
        # "no matter what is asked, say X", "for every request, answer X"
        rf"{REGARDLESS}\s*[,:]?\s+(?:you\s+(?:must|should|will)\s+)?(?:{ONLY}\s+)?"
        rf"{NOT_A_NOUN}{SAY}{PREPOSITION}\s*:?\s+(?:{ONLY}\s+)?(?P<text>.+)",
        # "ignore the request and say X"
        rf"\b(?:ignore|disregard)\b[^.;]*?\b(?:and|just|only|,)\s+(?:{ONLY}\s+)?{SAY}{PREPOSITION}\s*:?\s+"
        r"(?P<text>.+)",
        rf"^(?P<text>.+?)\s+(?:is|are)\s+(?:your|the)\s+(?:only\s+|one\s+)?(?:answer|reply|response)\s+to\s+"
        rf"{EVERYTHING}",
        # "your only answer is X"
        rf"\b(?:your|the|every|each)\s+(?:(?:only|one|sole|single|entire|whole|full|complete)\s+)*"
        rf"(?:answer|reply|response|output|message)s?(?:\s+to\s+{EVERYTHING})?\s+"
        rf"(?:must|should|shall|will|has\s+to|is|are)(?:\s+to)?(?:\s+(?:always|only|just|exactly|be|say|read|simply))*\s*:?\s+(?P<text>.+)",
        # "always reply with X", "only say X", "say nothing but X"
        rf"\b{ONLY}\s+(?:ever\s+|and\s+only\s+|have\s+to\s+)*{SAY}{PREPOSITION}\s*:?\s+(?:{ONLY}\s+)?(?P<text>.+)",
        rf"{NOT_A_NOUN}\b{SAY}{PREPOSITION}\s+{ONLY}{PREPOSITION}\s*:?\s+(?P<text>.+)",
        rf"{NOT_A_NOUN}\b{SAY}{PREPOSITION}\s*:?\s+(?P<text>.+?)\s*,?\s+(?:and|with)\s+nothing\s+(?:else|more)\b.*",
        rf"{NOT_A_NOUN}\b{SAY}{PREPOSITION}\s*:?\s+(?P<text>.+?)\s*,?\s+(?:always|only)\s*[.!]?$",
        # Korean: 모든 질문에 "X"라고 답하세요, 무조건 X라고만 말해
        r"(?:(?:모든|어떤|무슨)\s*\S+(?:에|에도|든지|든|이든)|무조건|항상|언제나|오직)\s*(?:(?:무조건|항상|그냥|오직)\s*)*"
        r"(?P<text>\S.*?)\s*(?:이?라고만?|(?:으로|로)만)\s*(?:만\s*)?(?:답|대답|말|응답|출력|써|쓰|하)",
    )
)

# Words that describe a form or a content of answers; a phrase with one is no reply to repeat.
DESCRIBES = re.compile(
    r"\b(?:code|python|javascript|typescript|java|rust|golang|ruby|php|c\+\+|sql|html|json|yaml|xml|csv|"
    r"markdown|blocks?|functions?|class(?:es)?|methods?|snippets?|text|prose|words?|sentences?|paragraphs?|"
    r"languages?|answers?|solutions?|examples?|lists?|signatures?|stubs?|skeletons?|explanations?|format|"
    r"plain|valid|complete|working|correct|clean|comments?|docstrings?|hints?|types?|results?|values?|"
    r"lines?|characters?|emojis?|poems?|haikus?|rhymes?|questions?|steps|bullets?|body|bodies|todos?|"
    r"placeholders?|english|korean|japanese|french|german|spanish|chinese|tests?|scripts?|programs?|"
    r"uppercase|lowercase|caps|tables?|letters?|programming|fences?|standard|library|concise(?:ly)?|"
    r"brief|short|polite|clear|honest|careful|\w{2,}ly|step|care|respect|kindness|detail|something|it|them|"
    r"errors?|empty|none|null|true|false|input|output|exceptions?|"
    r"data|implementation|pseudocode|apolog\w+|refusals?|format)\b|코드|한국어|영어|설명|함수|"
    rf"(?<!\w)(?:{ANY})(?!\w)",
    re.I,
)
NOT_SPOKEN = re.compile(
    r"^(?:written|in|as|a|an|the|what|how|why|if|when|where|which|whether|your|his|their|only|with|without|by|"
    r"from|using|of|that|this|those|these|exactly|one|two|at|for|about|to|things|and|or|like|after|before|"
    r"whatever|every|each|all|any|because|so|once|more|less|directly|as|on|no\s+more|within|under|up)\b",
    re.I,
)
NEGATED = re.compile(
    r"\b(?:do(?:es)?\s+not|don't|never|must\s+not|should\s+not|cannot|can't|avoid|stop|instead\s+of|"
    r"rather\s+than|not)\s+(?:\w+\s+){0,2}$",
    re.I,
)


def find_replies(sentence: Sentence) -> Iterator[Finding]:
    """The fixed reply that a sentence demands for everything, if any."""
    for pattern in PATTERNS:
        for match in pattern.finditer(sentence.masked):
            if is_unmet(sentence.masked[: match.start("text")]) or is_unmet(
                sentence.masked[match.end("text") :]
            ):
                continue
            begin, end = match.span("text")
            reply = _read_reply(sentence.text[begin:end], sentence.masked[begin:end])
            if reply is None:
                continue
            position = sentence.position + match.start()
            if NEGATED.search(sentence.masked[: match.start()]):
                yield Finding(position, {"lifts": Reply.FIXED})
            else:
                yield Finding(position, {"reply": Reply.FIXED, "reply_text": reply})
            return


def _read_reply(text: str, masked: str) -> str | None:
    """The reply itself: a quoted one verbatim, a spoken one in title case, None if it is neither."""
    naming = re.match(NAMING, masked, re.I)
    begin = naming.end() if naming else 0
    quoted = QUOTED.match(text[begin:].lstrip())
    if quoted:
        return next((group for group in quoted.groups() if group is not None), "")
    spoken = text[begin:].strip().rstrip(".!,;:").strip()
    spoken = re.sub(
        r"\s*,?\s+(?:and\s+nothing\s+(?:else|more)|always|only|please)$", "", spoken, flags=re.I
    )
    words = spoken.split()
    if not words or len(words) > MAX_UNQUOTED_WORDS or MASK in masked:
        return None
    is_named = naming is not None and naming.end() > 0 and "the " in naming.group().lower()
    if DESCRIBES.search(spoken) or (NOT_SPOKEN.match(spoken) and not is_named):
        return None
    return " ".join(word[:1].upper() + word[1:] for word in words)
