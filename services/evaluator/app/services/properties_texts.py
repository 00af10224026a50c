"""What right answers to well-known requests about texts and dictionaries give."""

import re
from collections import Counter
from datetime import date
from typing import Any

from services.evaluator.app.services.properties_intents import Intent

IGNORING = """
    ignore ignoring ignores case spaces space punctuation letter letters digit digits not
    everything alphanumeric characters upper lower uppercase lowercase alike capitalization
    sensitive insensitive considering only 대소문자 무시 공백 구분 않 구두점 특수문자 제외
"""
WORD_COUNTING = """
    word words count counts counting often times occurs occur occurrence occurrences appears
    frequency frequencies dictionary dict mapping map lowercase separated whitespace spaces
    punctuation sentence 단어 빈도 빈도수 딕셔너리 개수 몇 번 세 등장 나오
"""
VOWELS = "aeiou"


def _shifted(text: str, shift: int) -> str:
    return "".join(
        chr((ord(letter) - 97 + shift) % 26 + 97) if letter.islower() else letter for letter in text
    )


def _vowels(text: str) -> int:
    return sum(letter in VOWELS for letter in text.lower())


def _is_palindrome(_text: str, word: str) -> list[Any]:
    letters = [letter for letter in word.lower() if letter.isalnum()]
    return [letters == letters[::-1]]


def _balanced(text: str) -> bool:
    closing = {")": "(", "]": "[", "}": "{"}
    opened: list[str] = []
    for bracket in text:
        if bracket in closing.values():
            opened.append(bracket)
        elif not opened or opened.pop() != closing[bracket]:
            return False
    return not opened


def _word_counts(text: str, sentence: str) -> list[Any]:
    counts = Counter(sentence.split())
    if re.search(r"\bdict|딕셔너리", text, re.I):
        return [dict(counts)]
    return [dict(counts), list(counts.items()), list(counts.most_common())]


def _distance(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for index, one in enumerate(first, start=1):
        above, row = row, [index]
        for place, other in enumerate(second):
            row.append(min(above[place + 1] + 1, row[-1] + 1, above[place] + (one != other)))
    return row[-1]


def _words_reversed(text: str, sentence: str) -> list[Any]:
    words = sentence.split()
    swapped = " ".join(words[::-1])
    if re.search(r"\border\b|순서", text, re.I):
        return [swapped]
    return [swapped, " ".join(word[::-1] for word in words)]


def _weekday(_text: str, day: str) -> list[Any]:
    return [date.fromisoformat(day).strftime("%A")]


def _common_prefix(words: list[str]) -> str:
    first, last = min(words), max(words)
    length = next(
        (at for at, letter in enumerate(first) if last[at : at + 1] != letter), len(first)
    )
    return first[:length]


def _texts(*values: str) -> tuple[tuple[Any, ...], ...]:
    """One trial for each of several texts."""
    return tuple((value,) for value in values)


INTENTS = (
    Intent(
        "reversed text",
        (
            r"\brevers\w+\b.{0,24}\b(?:string|text)\b|문자열.{0,10}(?:뒤집|거꾸로|역순)"
            r"|\bstring revers"
        ),
        (
            "reverse reverses reversing reversed reversal order backwards 뒤집 뒤집어 뒤집는 "
            "거꾸로 역순 순서 "
            "characters letters"
        ),
        _texts("hello", "ab c", "x"),
        lambda _text, text: [text[::-1]],
        edges=_texts(""),
        unless=(
            r"\bwords?\b|\beach\b|\bevery\b|\blists?\b|\bvowels?\b|\barray\b|\bonly\b|\bif\b"
            r"|\bwhether\b|리스트|단어"
        ),
    ),
    Intent(
        "words in reverse order",
        r"\brevers\w+\b.{0,30}\bwords\b|단어.{0,10}(?:뒤집|거꾸로|역순)",
        (
            "reverse reverses reversing reversed order words sentence leaves leave keep space "
            "between them"
            " 뒤집 뒤집어 뒤집는 거꾸로 역순 순서 단어 단어의 문장"
        ),
        _texts("the quick brown fox", "hello world", "one"),
        _words_reversed,
        unless=r"\beach word\b|\bevery word\b|\bletters\b|\bcharacters\b|\blists?\b|각 단어",
    ),
    Intent(
        "palindrome test",
        r"\b(?:is|if|whether|checks?|checker|checking|test|tests|detect|determines?|tells?)\b.{0,60}\bpalindrome"
        r"|\bpalindrome (?:check|test|detect)|(?:회문|팰린드롬).{0,6}(?:인지|확인|판별|검사|여부)",
        IGNORING + " palindrome palindromes palindromic word phrase sentence reads same"
        " backward backwards forward"
        " forwards not 회문 회문인지 팰린드롬",
        _texts("level", "hello", "abba", "ab", "racecar", "abca"),
        _is_palindrome,
        unless=(
            r"\blongest\b|\bshortest\b|sub-?string|\bcount\b|\blist\b|\bnumber\b|\binteger\b"
            r"|\bpermut|\blinked\b|정수|숫자"
        ),
    ),
    Intent(
        "palindrome test for phrases",
        (
            r"\bpalindromes?\b.{0,80}\bignor\w+\b.{0,60}(?:punctuation|not a letter"
            r"|alphanumeric|space)"
        ),
        IGNORING + " palindrome palindromes word phrase sentence reads same"
        " backward backwards forward forwards",
        _texts("nurses run", "not one"),
        _is_palindrome,
        unless=r"\blongest\b|\bshortest\b|sub-?string|\bcount\b|\blist\b|\bnumber\b|\binteger\b",
    ),
    Intent(
        "count of vowels",
        (
            r"\bcount\w*\b.{0,30}\bvowels?\b|\bnumber of vowels\b|\bvowels? count\b"
            r"|모음.{0,8}(?:개수|수를|세)"
        ),
        IGNORING + " vowel vowels count counts counting u o e sentence word i 모음 개수 세 영어",
        _texts("hello", "queue up", "bcd"),
        lambda _text, text: [_vowels(text)],
        edges=_texts(""),
        unless=(
            r"\bconsonants?\b|\buppercase vowels\b|\beach\b|\bdistinct\b|\bunique\b|\bdict"
            r"|\by\b|자음"
        ),
    ),
    Intent(
        "text without vowels",
        r"\bremov\w+\b.{0,20}\bvowels\b|\bwithout vowels\b|모음.{0,6}(?:제거|삭제|없)",
        "remove removes removing vowels vowel from without 모음 제거 삭제",
        _texts("hello world", "xyz", "abc"),
        lambda _text, text: ["".join(letter for letter in text if letter not in VOWELS)],
        edges=_texts(""),
        unless=r"\bduplicate|\bcount\b|\bconsecutive\b",
    ),
    Intent(
        "count of words",
        (
            r"\bcount\w*\b.{0,16}\bwords\b|\bnumber of words\b|\bwords? count\b"
            r"|단어.{0,4}(?:개수|수를)"
        ),
        "word words count counts counting sentence separated spaces whitespace 단어 개수 세 문장",
        _texts("the quick brown fox", "one", "a b"),
        lambda _text, text: [len(text.split())],
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
        _texts("the cat the dog", "one"),
        _word_counts,
        unless=r"\bmost\b|\btop\b|\bsort|\bcount words in\b|\bnumber of words\b|\blists? of\b",
    ),
    Intent(
        "counts of characters",
        r"\bfrequenc\w+\b.{0,20}\b(?:characters?|letters?)\b|\b(?:characters?|letters?) frequenc"
        r"|\bcount\w*\b.{0,30}\beach (?:character|letter)\b|문자.{0,8}빈도",
        (
            "count counts counting frequency frequencies character characters letter letters "
            "often times occurs occurrence"
            " occurrences dictionary dict appears mapping 문자 빈도 빈도수 글자 딕셔너리"
        ),
        _texts("hello", "aab"),
        lambda text, word: [dict(Counter(word)), *_pairs_unless_dictionary(text, word)],
        unless=r"\bmost\b|\bsort|\bignor|\bvowel|\bwords\b",
    ),
    Intent(
        "anagram test",
        r"\banagrams?\b|애너그램|아나그램",
        IGNORING
        + " anagram anagrams two words other another each 두 애너그램 애너그램인지 아나그램 서로",
        (("listen", "silent"), ("hello", "world"), ("aab", "abb"), ("abc", "abcd")),
        lambda _text, first, second: [sorted(first) == sorted(second)],
        unless=r"\bgroup|\blist\b|\bfind all\b|\bcount\b",
    ),
    Intent(
        "capitalized words",
        r"\bcapitali[sz]\w+\b.{0,40}\bwords?\b|\btitle[- ]?case\b|단어.{0,8}첫.{0,8}대문자",
        (
            "capitalize capitalizes capitalise first letter word words title case sentence "
            "convert converts 단어 첫 글자 대문자"
            " 변환 바꾸 문장"
        ),
        _texts("hello world", "one", "the quick fox"),
        lambda _text, text: [text.title()],
        unless=r"\blast\b|\bexcept\b|\bfirst word\b|\blists?\b|\bcamel\b|\bsnake\b",
    ),
    Intent(
        "swapped case",
        r"\b(?:swap|flip|toggle|invert)\w*\b.{0,24}\bcase\b|\bflip\w*\b.{0,16}\blowercase\b",
        (
            "swap swaps flip flips toggle toggles invert case characters lowercase uppercase "
            "upper lower letters letter"
        ),
        _texts("Hello", "aBC d"),
        lambda _text, text: [text.swapcase()],
        unless=r"\bvowels?\b",
    ),
    Intent(
        "Caesar encryption",
        r"\bcaesar\b|\bcesar\b|카이사르|시저",
        (
            "caesar cipher encrypt encrypts encryption encode shift letter letters places "
            "along alphabet wraps around z keeps"
            " upper lower leaves other others characters they unchanged moves positions 카이사르 "
            "시저 암호 암호화 이동 알파벳"
        ),
        (("abc", 3), ("xyz", 3), ("hello", 1)),
        lambda _text, text, shift: [_shifted(text, shift)],
        unless=r"\bdecrypt|\bdecod|\bleft\b|\bbackward|복호|\bclass\b",
    ),
    Intent(
        "balanced brackets test",
        (
            r"\b(?:balanced|valid|match\w*|properly closed)\b.{0,40}\b(?:parenthes[ie]s"
            r"|brackets|braces)\b"
            r"|\b(?:parenthes[ie]s|brackets)\b.{0,40}\b(?:balanced|valid|match\w*|closed)\b"
            r"|괄호.{0,12}(?:올바|유효|짝|균형)"
        ),
        (
            "balanced valid match matched matching closed parentheses parenthesis brackets "
            "bracket braces round square curly"
            " opening every closing corresponding order types contains 괄호 괄호가 올바르게 "
            "올바른 짝지어졌는지 "
            "짝 유효 균형 맞"
        ),
        _texts("(())", "(()", ")(", "()()"),
        lambda _text, text: [_balanced(text)],
        unless=(
            r"[<>]|\bgenerate|\bcount\b|\blongest\b|\bminimum\b|\bremove\b"
            r"|\bsquare\b(?!.{0,12}\b(?:and|curly))|\bcurly braces only"
        ),
    ),
    Intent(
        "balanced brackets of several kinds",
        r"\bbrackets\b.{0,40}\bbalanced\b|\bbalanced brackets\b|\bround\b.{0,20}\bsquare\b",
        (
            "balanced valid match matched matching closed parentheses brackets bracket round "
            "square curly opening every closing"
            " corresponding order types braces"
        ),
        _texts("([]{})", "(]", "([)]"),
        lambda _text, text: [_balanced(text)],
        unless=(
            r"[<>]|\bgenerate|\bcount\b|\blongest\b|\bminimum\b|\bremove\b|\bstring of\b"
            r"|\bonly\b"
        ),
    ),
    Intent(
        "Levenshtein distance",
        r"\blevenshtein\b|\bedit distance\b|편집\s*거리",
        (
            "levenshtein edit distance between two words smallest minimum single characters "
            "inserted deleted replaced turn"
            " other them either empty inserting deleting replacing insertions deletions "
            "substitutions edits 편집 거리 두 최소"
        ),
        (("kitten", "sitting"), ("flaw", "lawn"), ("same", "same")),
        lambda _text, first, second: [_distance(first, second)],
        edges=(("", "abc"),),
        unless=r"\bdamerau\b|\btranspos|\bratio\b|\bnormali",
    ),
    Intent(
        "Hamming distance",
        r"\bhamming distance\b",
        "hamming distance between two equal length same words differing positions differ count",
        (("karolin", "kathrin"), ("abc", "abc"), ("ab", "ba")),
        lambda _text, first, second: [sum(map(str.__ne__, first, second))],
        unless=r"\bbits?\b|\bbinary\b|\bintegers\b|\bnumbers\b",
    ),
    Intent(
        "longest common prefix",
        r"\blongest common prefix\b",
        "longest common prefix among words amongst empty",
        ((["flower", "flow", "flight"],), (["dog", "cat"],), (["same", "same"],)),
        lambda _text, words: [_common_prefix(words)],
        unless=r"\btwo\b",
    ),
    Intent(
        "pangram test",
        r"\bpangrams?\b",
        "pangram sentence contains every letter alphabet least once english",
        _texts("the quick brown fox jumps over the lazy dog", "hello world"),
        lambda _text, text: [set("abcdefghijklmnopqrstuvwxyz") <= set(text)],
        unless=r"\bmissing\b",
    ),
    Intent(
        "slug",
        r"\bslug(?:s|ify)?\b|슬러그",
        (
            "slug slugify title url friendly lower lowercase words hyphen hyphens between "
            "joined separated convert converts turn"
            " 제목 제목을 url 슬러그 소문자 바꾸 바꿔 단어 사이 하이픈 이어 변환 연결"
        ),
        _texts("Hello World", "one"),
        lambda _text, text: [text.lower().replace(" ", "-")],
        unless=r"\bunderscores?\b|\bunique\b",
    ),
    Intent(
        "camel case to snake case",
        r"\bcamel\w*\b.{0,20}\bto\b.{0,12}\bsnake",
        "convert converts camel camelcase case snake name names identifier",
        _texts("camelCase", "aName", "word"),
        lambda _text, name: [re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()],
        unless=r"\bkeys\b|\bdict|\bvice\b",
    ),
    Intent(
        "inverted dictionary",
        (
            r"\b(?:invert|swap|reverse)\w*\b.{0,20}\b(?:dict|dictionary|keys)\b"
            r"|딕셔너리.{0,16}(?:뒤집|반전)"
        ),
        (
            "invert inverts swap swaps reverse dictionary dict so keys become becomes "
            "different unique key mapping"
            " distinct 딕셔너리 키 뒤집 바꾸"
        ),
        (({"a": 1, "b": 2},), ({1: "x"},)),
        lambda _text, mapping: [{value: key for key, value in mapping.items()}],
        edges=(({},),),
        unless=r"\blists?\b|\bgroup|\bduplicate|\bsame value|\border\b",
    ),
    Intent(
        "merged dictionaries",
        (
            r"\b(?:merge|combine)\w*\b.{0,12}\b(?:two )?(?:dicts|dictionaries)\b"
            r"|딕셔너리.{0,8}(?:병합|합치)"
        ),
        (
            "merge merges merging combine combines two dictionaries dicts dictionary key keys "
            "both add adds adding sum summing"
            " second first wins overwrite overrides common 두 딕셔너리 병합 합치 키"
        ),
        (({"a": 1}, {"b": 2}), ({"a": 1, "b": 2}, {"c": 3})),
        lambda _text, first, second: [{**first, **second}],
        in_place=True,
        unless=r"\bdeep|\bnested|\blists?\b",
    ),
    Intent(
        "dictionaries merged by adding",
        r"\b(?:merge|combine)\w*\b.{0,12}\b(?:two )?(?:dicts|dictionaries)\b.{0,90}\b(?:add|sum)",
        (
            "merge merges merging combine combines two dictionaries dicts dictionary key keys "
            "both add adds adding sum summing"
            " common"
        ),
        (({"a": 1, "b": 2}, {"b": 3, "c": 4}),),
        lambda _text, first, second: [dict(Counter(first) + Counter(second))],
        in_place=True,
        unless=r"\bdeep|\bnested|\blists?\b",
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
        "days between dates",
        r"\bdays\b.{0,12}\bbetween\b.{0,12}\bdates\b|\bdays lie between\b",
        "days lie between two dates many number yyyy mm dd format first second first",
        (("2024-02-28", "2024-03-01"), ("2023-01-01", "2024-01-01")),
        lambda _text, first, second: [
            (date.fromisoformat(second) - date.fromisoformat(first)).days
        ],
        unless=r"\bbusiness\b|\bworking\b|\binclusive|\bweekdays?\b",
    ),
    Intent(
        "weekday of a date",
        r"\b(?:weekday|day of the week)\b",
        "weekday day week name date falls fall yyyy mm dd format english date full on",
        _texts("2024-01-01", "2023-12-31"),
        _weekday,
        unless=r"\bnumber\b|\bindex\b|\bthree\b|\bshort|\babbrev|\bif\b|\bwhether\b|\bcount\b",
    ),
    Intent(
        "parsed query string",
        r"\bquery string\b.{0,60}\bdict",
        (
            "parse parses parsing url query dictionary dict strings urllib without decoded key "
            "keys pairs name ann city seoul"
        ),
        _texts("name=ann&city=seoul", "a=1"),
        lambda _text, query: [dict(pair.split("=") for pair in query.split("&"))],
        unless=r"\blists\b|\bdecode|\brepeated\b|\bmultiple\b",
    ),
    Intent(
        "parsed CSV text",
        r"\bcsv\b.{0,80}\b(?:list of )?dict",
        (
            "parse parses parsing csv text header line first row into dictionaries dict field "
            "fields contains comma quotation mark"
            " mark marks no quoted or commas quotes rows"
        ),
        _texts("name,age\nAnn,30\nBob,25", "a,b\nx,y"),
        lambda _text, text: [_rows(text)],
        unless=r"\bfile\b|\bpath\b|\bconvert\b|\btypes?\b",
    ),
)


def _pairs_unless_dictionary(text: str, word: str) -> list[Any]:
    if re.search(r"\bdict|딕셔너리", text, re.I):
        return []
    return [list(Counter(word).items()), list(Counter(word).most_common())]


def _rows(text: str) -> list[Any]:
    header, *rows = (line.split(",") for line in text.split("\n"))
    return [dict(zip(header, row, strict=True)) for row in rows]
