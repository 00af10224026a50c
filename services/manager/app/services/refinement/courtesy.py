"""Finds the courtesies around a request, in English and Korean, and what lies between them.

Only what is certainly courtesy counts. Where it could be what the request is about ("Hello,
world!", "a function that says please and thank you"), it stays: a courtesy too many costs a
model nothing, a word too few changes the task.
"""

import re

_MARK = r"(?:[,!~…]|\.(?=[\s.]|\Z))"
_TASK_VERBS = (
    "add|build|code|convert|create|define|design|develop|do|draft|explain|find|fix|generate|give"
    "|help|implement|kindly|make|please|pls|produce|provide|refactor|show|solve|sort|tell|write"
)
_OPENING_COURTESY = re.compile(
    rf"""
    (?: (?:hi|hello|hey|greetings|good\ (?:morning|afternoon|evening))(?:\ (?:there|all|everyone))?
        (?= \s*(?:{_MARK}|\n|\Z)
          | \s+(?:please|(?:can|could|would|will)\ you|i['’]d|i\ (?:would|want|need))\b )
        (?!\W*world\b)
      | (?:many\ )?(?:thanks|thank\ you)(?:\ (?:so|very)\ much|\ a\ lot)?(?:\ in\ advance)?
        (?={_MARK}|\s*\n|\Z)
      | (?:please|pls|plz|kindly)(?={_MARK}|\s|\Z)
        (?!\W*(?:and|as|from|in|is|not|or|to|vs|with)\b)
      | could\ you(?=[\s,]|\Z)(?!\s+(?:always|be|even|ever|not)\b)
      | (?:can|would|will)\ you(?=,?\s+(?:{_TASK_VERBS})\b)
      | i(?:['’]d|\ would)\ (?:like|love)\ you\ to(?=\s|\Z)(?!\s+(?:be|not)\b)
      | i\ (?:want|need)\ you\ to(?=\s|\Z)(?!\s+(?:be|not)\b)
      | i\ was\ wondering\ if\ you\ could(?=\s|\Z)
      | 안녕하(?:세요|십니까)(?!\w)(?!\s*(?:이?라|하고|출력|인사|문자|문구|메시지|를|을|와|과))
    )
    {_MARK}*\s*(?=[\w"'“‘(\[]|\Z)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CLOSING_COURTESY = re.compile(
    r"""
    (?: (?:(?<=\s)[–—-]{1,3}\s)? (?<![\w"'`“‘(\[{/.:=-])
        (?: please|pls|plz
          | (?:(?:many\ )?thanks|thank\ you|thx)(?:\ (?:so|very)\ much|\ a\ lot)?
            (?:\ in\ advance)?(?:\ for\ (?:your|the)\ help)?
          | (?:미리\ )?(?:감사(?:합니다|해요|드립니다|드려요)|고맙습니다|고마워요)
        )
      | (?:(?<!\w)잘\ ?)?부탁\ ?(?:드립니다|드려요|드릴게요|드리겠습니다|합니다|해요)
      | (?<=[해어아여])\ ?주(?:세요|십시오|시겠어요|실\ 수\ 있나요|실\ 수\ 있을까요
                              |시면\ 감사하겠습니다|시면\ 고맙겠습니다)
    )
    (?:[\s.!?,~^…🙏😊🙂]|:-?\))*\Z
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CLOSING_WINDOW = 96
_SENTENCE_ENDS = (".", "!", "?", "…")
_WORDS = re.compile(r"\w+")
_WORDS_WINDOW = 40
# Behind these words "please" and "thank you" are what is spoken of.
_MENTIONING = frozenset(
    """a an and answer answers are as be before between by bye called contain containing contains
    count counts detect detects display displays echo echoes equal equals find finds for from
    goodbye hello hey hi in include includes into is like match matches matching messages named no
    nor not of on or output outputs phrases print printing prints read reads remove removes replace
    replaces replies reply respond responds return returning returns said say saying says send
    sends show shows sorry spell spells than the to type types with without write writes yes
    """.split()
)
# So too behind "the word", though not behind "a word": "reverse a string, please".
_QUOTABLE = frozenset("greeting keyword message name phrase string text word words".split())
_MENTIONING_ENDINGS = ("와", "과", "하고", "라고", "및", "랑", "또는")


def find_request(text: str, *, opening_end: int, closing_start: int) -> tuple[int, int]:
    """Find the request between its courtesies.

    Args:
        text: A request, its characters and whitespace tidied.
        opening_end: Where the code begins that no opening courtesy reaches into.
        closing_start: Where the code ends that no closing courtesy reaches into.

    Returns:
        Start and end of what is left; equal if there is nothing but courtesy.
    """
    start, end = 0, len(text)
    while True:
        new_start = _skip_opening(text, start, min(opening_end, end))
        new_end = _skip_closing(text, max(new_start, closing_start), end)
        if (new_start, new_end) == (start, end):
            return start, end
        start, end = new_start, max(new_start, new_end)


def _skip_opening(text: str, start: int, end: int) -> int:
    position = start
    while position < end and (courtesy := _OPENING_COURTESY.match(text, position, end)):
        position = courtesy.end()
    # A code block that begins within the line would become a fence by moving to its start.
    moves_fence = text.startswith("```", position) and text[position - 1 : position] != "\n"
    return start if moves_fence else position


def _skip_closing(text: str, start: int, end: int) -> int:
    position = kept = end
    while courtesy := _CLOSING_COURTESY.search(
        text, max(start, position - _CLOSING_WINDOW), position
    ):
        before = courtesy.start()
        while before > start and (text[before - 1].isspace() or text[before - 1] == ","):
            before -= 1
        gap = text[before : courtesy.start()]
        position = before
        if before == start or "\n" in gap or text.endswith(_SENTENCE_ENDS, start, before):
            kept = before
    return kept if _ends_with_mention(text, start, position) else position


def _ends_with_mention(text: str, start: int, end: int) -> bool:
    words = _WORDS.findall(text[max(start, end - _WORDS_WINDOW) : end].lower())
    match words:
        case [*_, "the", last] if last in _QUOTABLE:
            return True
        case [*_, last]:
            return last in _MENTIONING or last.endswith(_MENTIONING_ENDINGS)
    return False
