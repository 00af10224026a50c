"""Words of a request, normalised so that different wordings of one thing meet."""

import re
import unicodedata
from functools import lru_cache

CAMEL_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
POSSESSIVE = re.compile(r"['\u2019][sS]\b|['\u2019]")
WORD = re.compile(r"[가-힣]+|[^\W_가-힣]+")
HANGUL = re.compile(r"[가-힣]")
VOWEL = re.compile(r"[aeiouy]")
# A sorted list is one thing, sorting a list another.
KEPT_PARTICIPLES = frozenset({"sorted"})
DOUBLED = re.compile(r"([bdgmnprt])\1$")
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
    """The words of a text in order, each reduced to a stem: "Sorting lists" meets "sort a list".

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
    """The stems of one word; a compound such as `quicksort` has two."""
    parts = COMPOUNDS.get(word, word).split()
    stems = (_stem_korean(part) if HANGUL.match(part) else _stem(part) for part in parts)
    return tuple(SYNONYMS.get(stem, stem) for stem in stems)


def _stem(word: str) -> str:
    """A light English stem; it need not be a word, only the same for the forms of one."""
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
        if stem == word or len(stem) < MIN_STEM_LENGTH or not VOWEL.search(stem):
            continue
        if stem.endswith("e") and ending == "ed":
            continue
        return DOUBLED.sub(r"\1", stem) if len(stem) > MIN_STEM_LENGTH else stem
    return word


def _stem_korean(word: str) -> str:
    """A Korean word without its endings; all of them, so that a noun that ends like one meets."""
    for ending in KOREAN_ENDINGS:
        if word.endswith(ending) and len(word) > len(ending):
            return _stem_korean(word.removesuffix(ending))
    return word


SYNONYMS = {
    _stem(word): _stem(group.split()[0]) for group in SYNONYM_GROUPS for word in group.split()[1:]
}
