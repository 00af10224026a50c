"""What right answers to requests about the words of a text give."""

import re
from collections import Counter
from typing import Any

from services.evaluator.app.services.properties_intents import Intent, each_of

WORD_COUNTING = """
    word words count counts counting often times occurs occur occurrence occurrences appears
    frequency frequencies dictionary dict mapping map lowercase separated whitespace spaces
    punctuation sentence 단어 빈도 빈도수 딕셔너리 개수 몇 번 세 등장 나오
"""


def _word_counts(text: str, sentence: str) -> list[Any]:
    counts = Counter(sentence.split())
    if re.search(r"\bdict|딕셔너리", text, re.I):
        return [dict(counts)]
    return [dict(counts), list(counts.items()), list(counts.most_common())]


def _word_count(text: str, sentence: str) -> list[Any]:
    """Their number; where the request asks for no number, also how often each of them occurs."""
    words = sentence.split()
    is_number = re.search(r"\bhow many\b|\bnumber\b|\btotal\b|개수|수를", text, re.I)
    return [len(words)] if is_number else [len(words), dict(Counter(words))]


def _words_reversed(text: str, sentence: str) -> list[Any]:
    words = sentence.split()
    swapped = " ".join(words[::-1])
    if re.search(r"\border\b|순서", text, re.I):
        return [swapped]
    return [swapped, " ".join(word[::-1] for word in words)]


INTENTS = (
    Intent(
        "words in reverse order",
        r"\brevers\w+\b.{0,30}\bwords\b|단어.{0,10}(?:뒤집|거꾸로|역순)",
        (
            "reverse reverses reversing reversed order words sentence leaves leave keep space "
            "between them"
            " 뒤집 뒤집어 뒤집는 거꾸로 역순 순서 단어 단어의 문장"
        ),
        each_of("the quick brown fox", "hello world", "one"),
        _words_reversed,
        unless=r"\beach word\b|\bevery word\b|\bletters\b|\bcharacters\b|\blists?\b|각 단어",
    ),
    Intent(
        "count of words",
        (
            r"\bcount\w*\b.{0,16}\bwords\b|\bnumber of words\b|\bhow many words\b|\bwords? count\b"
            r"|단어.{0,4}(?:개수|(?<!함)수를)"
        ),
        "many word words count counts counting sentence separated spaces whitespace 단어 개수"
        " 세 문장",
        each_of("the quick brown fox", "one", "a b"),
        _word_count,
        unless=(
            r"\beach\b|\boften\b|\bunique\b|\bdict|\bfrequenc|\boccur|\bfile\b|\bdistinct\b|빈도"
            r"|각"
        ),
    ),
    Intent(
        "counts of words",
        (
            r"\bcounts?\b.{0,30}\b(?:each|every)\b.{0,6}\bwords?\b|\bhow often\b.{0,12}\bword\b"
            r"|\bword frequenc"
            r"|\bfrequenc\w+\b.{0,16}\bwords?\b|단어.{0,8}빈도"
        ),
        WORD_COUNTING + " ignoring ignore case",
        each_of("the cat the dog", "one"),
        _word_counts,
        unless=r"\bmost\b|\btop\b|\bsort|\bcount words in\b|\bnumber of words\b|\blists? of\b",
    ),
    Intent(
        "capitalized words",
        r"\bcapitali[sz]\w+\b.{0,40}\bwords?\b|\btitle[- ]?case\b|단어.{0,8}첫.{0,8}대문자",
        (
            "capitalize capitalizes capitalise first letter word words title case sentence "
            "convert converts 단어 첫 글자 대문자"
            " 변환 바꾸 문장"
        ),
        each_of("hello world", "one", "the quick fox"),
        lambda _text, text: [text.title()],
        unless=r"\blast\b|\bexcept\b|\bfirst word\b|\blists?\b|\bcamel\b|\bsnake\b",
    ),
    Intent(
        "slug",
        r"\bslug(?:s|ify)?\b|슬러그",
        (
            "slug slugify title url friendly lower lowercase words hyphen hyphens between "
            "joined separated convert converts turn"
            " 제목 제목을 url 슬러그 소문자 바꾸 바꿔 단어 사이 하이픈 이어 변환 연결"
        ),
        each_of("Hello World", "one"),
        lambda _text, text: [text.lower().replace(" ", "-")],
        unless=r"\bunderscores?\b|\bunique\b",
    ),
    Intent(
        "camel case to snake case",
        r"\bcamel\w*\b.{0,20}\bto\b.{0,12}\bsnake",
        "convert converts camel camelcase case snake name names identifier",
        each_of("camelCase", "aName", "word"),
        lambda _text, name: [re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()],
        unless=r"\bkeys\b|\bdict|\bvice\b",
    ),
    Intent(
        "words grouped by first letter",
        r"\bgroup\w*\b.{0,20}\bwords\b.{0,12}\bfirst letter\b",
        "group groups grouping words first letter dictionary dict mapping",
        ((["apple", "avocado", "bean"],), (["kiwi"],)),
        lambda _text, words: [
            {word[0]: [other for other in words if other[0] == word[0]] for word in words}
        ],
        unless=r"\bcount\b|\bsort|\bupper|\bset\b",
    ),
    Intent(
        "capitalized words whose rest stays",
        r"\bfirst letter of (?:every|each) word\b.{0,70}\b(?:rest|other letters)\b",
        "capitalize capitalizes capitalise make makes first letter letters word words upper"
        " uppercase case"
        " capital sentence convert converts leaves leave rest other unchanged keeps keep",
        each_of("hello world", "hELLO wORLD", "one"),
        lambda _text, text: [" ".join(word[:1].upper() + word[1:] for word in text.split(" "))],
        unless=r"\blast\b|\bexcept\b|\bfirst word\b|\blists?\b|\blower",
    ),
    Intent(
        "words split apart",
        r"\bsplit\w*\b.{0,24}\b(?:sentence|string|text)\b.{0,16}\bwords\b|단어로\s*(?:나누|분리)",
        "split splits splitting sentence words word separated spaces whitespace by"
        " 문장 문장을 단어 단어로 나누 나눠 분리",
        each_of("the quick brown fox", "one"),
        lambda _text, text: [text.split()],
        unless=r"\bpunctuation\b|\bcomma|\bcount\b|\bsort|\bunique\b|\blower|\bcamel|\bcapital",
    ),
    Intent(
        "longest word",
        r"\blongest word\b|가장\s*긴\s*단어",
        "longest word words sentence several first them same ties tie if multiple more than one"
        " 가장 긴 단어 단어를 문장 문장에서",
        each_of("the quick brown jumping fox", "one", "a bcd ef"),
        lambda _text, text: [max(text.split(), key=len)],
        unless=r"\blists?\b|\barray\b|\blength\b|\bpunctuation\b|\bstrings\b|\bshortest\b"
        r"|리스트|길이",
    ),
    Intent(
        "first of the longest words",
        r"\blongest word\b.{0,80}\bfirst\b",
        "longest word words sentence several first them same ties tie if multiple more than one",
        each_of("ab cd", "a xyz bcd ef"),
        lambda _text, text: [max(text.split(), key=len)],
        unless=r"\blists?\b|\barray\b|\blength\b|\bpunctuation\b|\bstrings\b|\bshortest\b"
        r"|\balphabet",
    ),
    Intent(
        "shortest word",
        r"\bshortest word\b|가장\s*짧은\s*단어",
        "shortest word words sentence several first them same ties tie 가장 짧은 단어 문장"
        " 문장에서",
        each_of("the quick a fox", "one", "abc de fgh"),
        lambda _text, text: [min(text.split(), key=len)],
        unless=r"\blists?\b|\barray\b|\blength\b|\bpunctuation\b|\bstrings\b|\blongest\b"
        r"|리스트|길이",
    ),
    Intent(
        "each word reversed",
        r"\brevers\w+\b.{0,16}\b(?:each|every) word\b",
        "reverse reverses reversing reversed word words sentence keep keeps keeping order same",
        each_of("hello world", "one", "ab cd ef"),
        lambda _text, text: [" ".join(word[::-1] for word in text.split())],
        unless=r"\bletters?\b|\blonger\b|\blists?\b|\bif\b|\bodd\b|\beven\b",
    ),
    Intent(
        "acronym",
        r"\bacronym\b",
        "acronym phrase words word first letter letters upper uppercase case capital sentence"
        " full name",
        each_of("portable network graphics", "As soon as possible"),
        lambda _text, text: [
            (letters := "".join(word[0].upper() for word in text.split())),
            ".".join(letters),
            "".join(f"{letter}." for letter in letters),
        ],
        unless=r"\bexpand|\bhyphen|\blists?\b|\bignor|\bskip",
    ),
    Intent(
        "snake case to camel case",
        r"\bsnake\w*\b.{0,20}\bto\b.{0,12}\bcamel",
        "convert converts snake camel camelcase case name names identifier",
        each_of("snake_case", "one_two_three"),
        lambda _text, name: [
            (pascal := name.title().replace("_", ""))[0].lower() + pascal[1:],
            pascal,
        ],
        unless=r"\bkeys\b|\bdict|\bvice\b|\bpascal\b",
    ),
)
