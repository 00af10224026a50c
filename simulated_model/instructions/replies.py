"""Recognises instructions to reply one and the same thing to everything."""

import re
from collections.abc import Iterator

from simulated_model.instructions.directives import Directive, Reply
from simulated_model.instructions.languages import ANY
from simulated_model.instructions.sentences import MASK, QUOTED, Clause, is_unmet

MAX_UNQUOTED_WORDS = 8

SAY = (
    r"(?:say(?:ing)?|repl(?:y|ying)|respond(?:ing)?|answer(?:ing)?|output(?:ting)?|print(?:ing)?|"
    r"return(?:ing)?|writ(?:e|ing)|repeat(?:ing)?|echo(?:ing)?|type|state|utter|send)"
)
ASKED = (
    r"(?:questions?|requests?|messages?|inputs?|prompts?|queries|query|tasks?|things?|users?|"
    r"turns?|cases?|time|person|people|code)"
)
EVERYTHING = (
    r"(?:everything|anything|everyone|everybody|anyone|whatever\b[^,.;]*|"
    rf"(?:every|each|any|all|all\s+of\s+the|all\s+the)\s+(?:\w+\s+){{0,2}}?{ASKED})"
    r"(?:\s+(?:you\s+(?:get|receive|are\s+asked)|(?:the\s+)?users?\s+(?:says?|asks?|sends?|writes?)|"
    r"they\s+(?:say|ask)|that\s+(?:comes|is)\s+\w+))?"
)
REGARDLESS = (
    r"(?:no\s+matter\b[^,.;]*|regardless\b[^,.;]*|"
    r"whatever\s+(?:the\s+user|you|they|is|anyone|the)\b[^,.;]*|"
    rf"(?:for|to|in)\s+{EVERYTHING}|every\s+(?:single\s+)?time|without\s+exception)"
)
ONLY = r"(?:only|just|simply|merely|always|exclusively|nothing\s+but|nothing\s+other\s+than|ever)"
WITH = r"(?:\s+back)?(?:\s+(?:with|by\s+saying|using|exactly|precisely|literally|verbatim))*"
# A verb, and no noun as in "start your answer with".
SPEAK = rf"(?<!your )(?<!the )(?<!each )(?<!an )(?<!every )\b{SAY}{WITH}\s*:?\s+(?:{ONLY}\s+)?"
TAIL = r"(?:\s*,)?\s+"
NOTHING = r"nothing|an?\s+(?:empty|blank)\s+(?:string|reply|response|message|answer)"
NAMING = re.compile(
    r"(?:(?:exactly|only|just|literally)\s+)*(?:the\s+(?:\w+\s+)?(?:words?|number|phrase|text|"
    r"string|sentence|message|reply|answer|line)s?\s*:?\s*)?",
    re.I,
)

# Each captures the reply as `text`; the first that gives one counts.
WORDINGS = (
    # "reply to everything with X", "answer every question by saying X"
    (
        rf"(?<!your )(?<!the )(?<!an )\b(?:{SAY}|react|greet|meet)\s+(?:{ONLY}\s+)?(?:to\s+|on\s+)?"
        rf"{EVERYTHING}\s+(?:{ONLY}\s+)?(?:with|by\s+saying|by\s+replying|using|as)\s+"
        rf"(?:{ONLY}\s+)?(?P<text>.+)"
    ),
    # "just say X to everything", "say X whatever the user asks"
    (
        rf"{SPEAK}(?P<text>[^:]+?){TAIL}"
        rf"(?:to|for|in\s+(?:response|reply|answer)\s+to|on|at)\s+{EVERYTHING}.*"
    ),
    rf"{SPEAK}(?P<text>.+?){TAIL}{REGARDLESS}.*",
    # "no matter what is asked, say X"
    rf"{REGARDLESS}\s*[,:]?\s+(?:you\s+(?:must|should|will)\s+)?(?:{ONLY}\s+)?{SPEAK}(?P<text>.+)",
    # "ignore the request and say X"
    rf"\b(?:ignore|disregard)\b[^.;]*?\b(?:and|just|only|,)\s+(?:{ONLY}\s+)?{SPEAK}(?P<text>.+)",
    # "X is your answer to everything", "your only answer is X"
    (
        r"^(?P<text>.+?)\s+(?:is|are)\s+(?:your|the)\s+(?:only\s+|one\s+)?"
        rf"(?:answer|reply|response)\s+to\s+{EVERYTHING}"
    ),
    (
        r"\b(?:your|the|every|each)\s+(?:(?:only|one|sole|single|entire|whole|full|complete)\s+)*"
        rf"(?:answer|reply|response|output|message)s?(?:\s+to\s+{EVERYTHING})?\s+"
        r"(?:must|should|shall|will|has\s+to|is|are)(?:\s+to)?"
        r"(?:\s+(?:always|only|just|exactly|be|say|read|simply))*\s*:?\s+(?P<text>.+)"
    ),
    # "always reply with X", "say nothing but X", "say X and nothing else"
    rf"\b{ONLY}\s+(?:ever\s+|and\s+only\s+|have\s+to\s+)*{SPEAK}(?P<text>.+)",
    rf"(?<!your )(?<!the )(?<!an )\b{SAY}{WITH}\s+{ONLY}{WITH}\s*:?\s+(?P<text>.+)",
    rf"{SPEAK}(?P<text>.+?)\s*,?\s+(?:and|with)\s+nothing\s+(?:else|more)\b.*",
    rf"{SPEAK}(?P<text>.+?)\s*,?\s+(?:always|only)\s*[.!]?$",
    # "say nothing"
    rf"\b(?:say|output|write|(?:reply|respond|answer)\s+with)\s+(?P<text>{NOTHING})\s*[.!]?$",
    # 모든 질문에 "X"라고 답하세요, 무조건 X라고만 말해
    (
        r"(?:(?:모든|어떤|무슨)\s*\S+(?:에|에도|든지|든|이든)|무조건|항상|언제나|오직)\s*"
        r"(?:(?:무조건|항상|그냥|오직)\s*)*(?P<text>\S.*?)\s*(?:이?라고만?|(?:으로|로)만)\s*"
        r"(?:답|대답|말|응답|출력|써|쓰|하)"
    ),
)
PATTERNS = tuple(re.compile(wording, re.I) for wording in WORDINGS)

# A phrase with one of these describes an answer, and isn't one.
DESCRIBING = """
    code html json yaml xml csv markdown block blocks function functions class classes method
    methods snippet snippets text prose word words sentence sentences paragraph paragraphs language
    languages answer answers solution solutions example examples list lists signature signatures
    stub stubs skeleton skeletons explanation explanations format plain valid complete working
    correct clean comment comments docstring docstrings hint hints type types result results value
    values line lines character characters emoji emojis poem poems haiku haikus rhyme rhymes
    question questions step steps bullet bullets body bodies todo todos placeholder placeholders
    english korean japanese french german spanish chinese test tests script scripts program
    programs uppercase lowercase caps table tables letter letters programming fence fences standard
    library concise brief short polite clear honest careful care respect kindness detail something
    it them error errors empty none null true false input output exception exceptions data
    implementation pseudocode refusal refusals apology apologies
""".split()
DESCRIBES = re.compile(
    rf"\b(?:{'|'.join(DESCRIBING)}|apologi\w+|\w{{2,}}ly)\b|(?<!\w)(?:{ANY})(?!\w)"
    "|코드|한국어|영어|설명|함수",
    re.I,
)
NOT_SPOKEN_FIRST = frozenset(
    """written in as a an the what how why if when where which whether your his their only with
    without by from using of that this those these exactly one two at for about to things and or
    like after before whatever every each all any because so once more less on within under
    up""".split()
)
# What a program is to do with its input, and no word on answers.
ABOUT_PROGRAMS = re.compile(
    r"\b(?:return|print|output|write|raise)\b.*\b(?:inputs?|cases?|things?|values?|elements?|call)\b"
    r"|\bempty\s+(?:inputs?|lists?|strings|sequences?)\b",
    re.I,
)
TRAILER = re.compile(r"\s*,?\s+(?:and\s+nothing\s+(?:else|more)|always|only|please)$", re.I)
NEGATED = re.compile(
    r"\b(?:ignore|disregard|override|forget)\b[^.;]*$|\b(?:do(?:es)?\s+not|don't|never|"
    r"must\s+not|should\s+not|cannot|can't|avoid|stop|instead\s+of|rather\s+than|not)\s+"
    r"(?:\w+\s+){0,2}$",
    re.I,
)


def find_replies(sentence: Clause) -> Iterator[Directive]:
    """Find the fixed reply that a sentence demands for everything, if any."""
    if ABOUT_PROGRAMS.search(sentence.masked):
        return
    for pattern in PATTERNS:
        for match in pattern.finditer(sentence.masked):
            begin, end = match.span("text")
            if is_unmet(sentence.masked[:begin]) or is_unmet(sentence.masked[end:]):
                continue
            reply = _read_reply(sentence.text[begin:end], sentence.masked[begin:end])
            if reply is None:
                continue
            position = sentence.position + match.start()
            if NEGATED.search(sentence.masked[: match.start()]):
                yield Directive(position, {"lifts": Reply.FIXED})
            else:
                yield Directive(position, {"reply": Reply.FIXED, "reply_text": reply})
            return


def _read_reply(text: str, masked: str) -> str | None:
    """Return a quoted reply verbatim, a spoken one in title case; None if the text is none."""
    naming = NAMING.match(masked)
    begin = naming.end() if naming else 0
    quoted = QUOTED.match(text[begin:].lstrip())
    if quoted:
        return next((group for group in quoted.groups() if group is not None), "")
    spoken = TRAILER.sub("", text[begin:].strip().rstrip(".!,;:").strip())
    words = spoken.split()
    if re.fullmatch(NOTHING, spoken, re.I):
        return ""
    if not words or len(words) > MAX_UNQUOTED_WORDS or MASK in masked:
        return None
    if DESCRIBES.search(spoken) or (words[0].lower() in NOT_SPOKEN_FIRST and begin == 0):
        return None
    return " ".join(word[:1].upper() + word[1:] for word in words)
