"""Reduces the words of a request to stems, so that different wordings of one thing are equal."""

import re
import unicodedata
from functools import lru_cache

CAMEL_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
POSSESSIVE = re.compile(r"['\u2019][sS]\b|['\u2019]")
WORD = re.compile(r"[가-힣]+|[^\W_가-힣]+")
# A sorted list is one thing, sorting a list another.
KEPT_PARTICIPLES = frozenset({"sorted"})
MIN_STEM_LENGTH = 3
MAX_STEMMED_LENGTH = 40

# Korean particles and endings that carry no topic; the longest that fits is taken off.
KOREAN_ENDINGS = tuple(
    sorted(
        """에서의 으로부터 에서 으로 부터 까지 에게 들을 들의 들이 들 를 을 이 가 은 는 의 에
        로 와 과 도 하는 하기 하고 하여 해서 해줘 해주는 해라 합니다 하세요 해주세요 되는 된
        인지 인가 는지 한지 한 할 주세요 기 어줘 아줘 어서 아서 어 아""".split(),
        key=len,
        reverse=True,
    )
)

COMPOUNDS = {
    "quicksort": "quick sort",
    "mergesort": "merge sort",
    "bubblesort": "bubble sort",
    "linkedlist": "linked list",
    "fizzbuzz": "fizz buzz",
    "tictactoe": "tic tac toe",
    "hashmap": "dictionary",
    "powerset": "power set",
    "lowercase": "lower case",
    "uppercase": "upper case",
    "camelcase": "camel case",
    "snakecase": "snake case",
    "wordcount": "word count",
    "nqueens": "n queens",
    "indices": "index",
    "matrices": "matrix",
    "vertices": "vertex",
}

# One word for each of these groups: the first.
SYNONYM_GROUPS = (
    "list array sequence vector",
    "dictionary dict",
    "number integer int num",
    "string str text sentence",
    "character char letter",
    "element item",
    "max maximum largest biggest highest greatest",
    "min minimum smallest lowest",
    "average mean",
    "remove delete drop eliminate",
    "convert transform translate turn",
    "unique distinct",
    "count tally",
    "check verify determine detect",
    "memoize memoise memoization memoizing",
    "validate validator",
)


def tokenize(text: str) -> list[str]:
    """Split a text into words in order, each reduced to a stem: "Sorting lists" as "sort a list".

    Case, plurals, -ing and -ed, common synonyms, camelCase and snake_case are evened out;
    Korean words lose their particles. The stems are for comparing, not for reading.
    """
    parted = CAMEL_BOUNDARY.sub(" ", unicodedata.normalize("NFKC", text))
    words = WORD.findall(POSSESSIVE.sub("", parted).casefold())
    stems: list[str] = []
    for word in words:
        stems.extend(_stems_of(word) if len(word) <= MAX_STEMMED_LENGTH else (word,))
    return stems


@lru_cache(maxsize=8192)
def _stems_of(word: str) -> tuple[str, ...]:
    """Reduce one word to its stems; a compound such as `quicksort` has two."""
    parts = COMPOUNDS.get(word, word).split()
    stems = (_stem_korean(part) if "가" <= part[0] <= "힣" else _stem(part) for part in parts)
    return tuple(SYNONYMS.get(stem, stem) for stem in stems)


def _stem(word: str) -> str:
    """Reduce an English word to a stem: no word itself, but the same for all forms of one."""
    if len(word) <= MIN_STEM_LENGTH or not word.isascii():
        return word
    stem = _without_participle(_singular(word))
    for ending, replacement in (("ation", "at"), ("ator", "at"), ("e", "")):
        if stem.endswith(ending) and len(stem) - len(ending) >= MIN_STEM_LENGTH:
            stem = stem.removesuffix(ending) + replacement
            break
    if stem.endswith("is") and len(stem) > MIN_STEM_LENGTH + 2:
        return stem.removesuffix("is") + "iz"
    return stem.replace("isat", "izat") if stem.endswith("isat") else stem


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > len("ties"):
        return word.removesuffix("ies") + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word.removesuffix("es")
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word.removesuffix("s")
    return word


def _without_participle(word: str) -> str:
    if word in KEPT_PARTICIPLES:
        return word
    if word.endswith("ied") and len(word) > len("tied"):
        return word.removesuffix("ied") + "y"
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem == word or len(stem) < MIN_STEM_LENGTH or not set("aeiouy") & set(stem):
            continue
        if stem.endswith("e") and ending == "ed":
            continue
        is_doubled = len(stem) > MIN_STEM_LENGTH and stem[-1] == stem[-2] and stem[-1] in "bdgmnprt"
        return stem[:-1] if is_doubled else stem
    return word


def _stem_korean(word: str) -> str:
    """Take every ending off a Korean word, also off a noun that only looks as if it had one."""
    for ending in KOREAN_ENDINGS:
        if word.endswith(ending) and len(word) > len(ending):
            return _stem_korean(word.removesuffix(ending))
    return word


SYNONYMS = {
    _stem(word): _stem(group.split()[0]) for group in SYNONYM_GROUPS for word in group.split()[1:]
}
