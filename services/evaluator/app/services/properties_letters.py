"""What right answers to requests about the letters of a text give."""

import re
from collections import Counter
from typing import Any

from services.evaluator.app.services.properties_intents import Arguable, Intent, each_of
from services.evaluator.app.services.properties_text_tests import IGNORING

VOWELS = "aeiou"


def _shifted(text: str, shift: int) -> str:
    return "".join(
        chr((ord(letter) - 97 + shift) % 26 + 97) if letter.islower() else letter for letter in text
    )


def _vowels(text: str) -> int:
    return sum(letter in VOWELS for letter in text.lower())


def _per_vowel(request: str) -> list[Any]:
    # To count the vowels may also be to count each of them.
    return [] if re.search(r"\bhow many\b|\bnumber of\b|개수", request, re.I) else [Arguable(dict)]


def _distance(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for index, one in enumerate(first, start=1):
        above, row = row, [index]
        for place, other in enumerate(second):
            row.append(min(above[place + 1] + 1, row[-1] + 1, above[place] + (one != other)))
    return row[-1]


def _common_prefix(words: list[str]) -> str:
    first, last = min(words), max(words)
    length = next(
        (at for at, letter in enumerate(first) if last[at : at + 1] != letter), len(first)
    )
    return first[:length]


def _pairs_unless_dictionary(text: str, word: str) -> list[Any]:
    if re.search(r"\bdict|딕셔너리", text, re.I):
        return []
    return [list(Counter(word).items()), list(Counter(word).most_common())]


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
        each_of("hello", "ab c", "x"),
        lambda _text, text: [text[::-1]],
        edges=each_of(""),
        unless=(
            r"\bwords?\b|\beach\b|\bevery\b|\blists?\b|\bvowels?\b|\barray\b|\bonly\b|\bif\b"
            r"|\bwhether\b|리스트|단어"
        ),
    ),
    Intent(
        "count of vowels",
        (
            r"\bcount\w*\b.{0,30}\bvowels?\b|\bnumber of vowels\b|\bhow many vowels\b"
            r"|\bvowels? count\b"
            r"|모음.{0,8}(?:개수|수를|세)"
        ),
        IGNORING
        + " many vowel vowels count counts counting u o e sentence word i 모음 개수 세 영어",
        each_of("hello", "queue up", "bcd"),
        lambda request, text: [_vowels(text), *_per_vowel(request)],
        edges=each_of(""),
        unless=(
            r"\bconsonants?\b|\buppercase vowels\b|\beach\b|\bdistinct\b|\bunique\b|\bdict"
            r"|\by\b|자음"
        ),
    ),
    Intent(
        "text without vowels",
        r"\bremov\w+\b.{0,20}\bvowels\b|\bwithout vowels\b|모음.{0,6}(?:제거|삭제|없)",
        "remove removes removing vowels vowel from without 모음 제거 삭제",
        each_of("hello world", "xyz", "abc"),
        lambda _text, text: ["".join(letter for letter in text if letter not in VOWELS)],
        edges=each_of(""),
        unless=r"\bduplicate|\bcount\b|\bconsecutive\b",
    ),
    Intent(
        "counts of characters",
        r"\bfrequenc\w+\b.{0,20}\b(?:characters?|letters?)\b|\b(?:characters?|letters?) frequenc"
        r"|\bcount\w*\b.{0,30}\beach (?:character|letter)\b|\b(?:number of times|how (?:often"
        r"|many times)) each (?:character|letter)\b|문자.{0,8}빈도",
        (
            "count counts counting frequency frequencies character characters letter letters "
            "often times many occurs occurrence"
            " occurrences dictionary dict appears mapping 문자 빈도 빈도수 글자 딕셔너리"
        ),
        each_of("hello", "aab"),
        lambda text, word: [dict(Counter(word)), *_pairs_unless_dictionary(text, word)],
        unless=r"\bmost\b|\bsort|\bignor|\bvowel|\bwords\b",
    ),
    Intent(
        "swapped case",
        r"\b(?:swap|flip|toggle|invert)\w*\b.{0,24}\bcase\b|\bflip\w*\b.{0,16}\blowercase\b",
        (
            "swap swaps flip flips toggle toggles invert case characters lowercase uppercase "
            "upper lower letters letter"
        ),
        each_of("Hello", "aBC d"),
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
        "vowel test",
        r"\b(?:is|if|whether)\b.{0,40}\bvowel\b|모음\s*(?:인지|여부)",
        "vowel letter character lower lowercase upper uppercase not u o e i 모음 모음인지 글자"
        " 알파벳 영어",
        each_of("a", "b", "u", "z", "o", "e", "i", "k"),
        lambda _text, letter: [letter in VOWELS],
        unless=r"\bcount\b|\bwords?\b|\bcontains?\b|\bstarts?\b|\bvowels\b|\bconsonant|\by\b"
        r"|\bfirst\b",
    ),
    Intent(
        "length of a text",
        r"\b(?:length of|number of characters in"
        r"|count\w* (?:the )?(?:number of )?characters in)\b.{0,10}"
        r"\b(?:string|text)\b|문자열의?\s*길이",
        "length characters count counts counting 길이 문자열의",
        each_of("hello", "a b", ""),
        lambda _text, text: [len(text)],
        unless=r"\blongest\b|\blast\b|\beach\b|\blist\b|\bstrings\b|\bsub|\bif\b|\bunique\b"
        r"|\bprime\b"
        r"|\bsort|리스트",
    ),
    Intent(
        "text in upper case",
        r"\bto upper\W?case\b|대문자로",
        "convert converts converting upper uppercase case turn turns 대문자 대문자로 변환 바꾸"
        " 바꿔",
        each_of("hello", "aB c"),
        lambda _text, text: [text.upper()],
        unless=r"\bfirst\b|\bevery\b|\beach\b|\bwords?\b|\blower\b|\blowercase\b|\bvowels?\b"
        r"|\bother\b"
        r"|\bonly\b|\blists?\b|\bletter\b|첫|단어|소문자|리스트",
    ),
    Intent(
        "text in lower case",
        r"\bto lower\W?case\b|소문자로",
        "convert converts converting lower lowercase case turn turns 소문자 소문자로 변환 바꾸"
        " 바꿔",
        each_of("HeLLo", "aB c"),
        lambda _text, text: [text.lower()],
        unless=r"\bfirst\b|\bevery\b|\beach\b|\bwords?\b|\bupper\b|\buppercase\b|\bvowels?\b"
        r"|\bother\b"
        r"|\bonly\b|\blists?\b|\bletter\b|첫|단어|대문자|리스트",
    ),
    Intent(
        "count of upper case letters",
        r"\b(?:count\w*|how many|number of)\b.{0,16}\bupper\W?case\b",
        "count counts counting many upper uppercase case letter letters character characters",
        each_of("Hello World", "abc", "ABC"),
        lambda _text, text: [sum(letter.isupper() for letter in text)],
        unless=r"\blower|\bvowels?\b|\beven\b|\bodd\b|\bwords?\b|\beach\b|\blists?\b",
    ),
    Intent(
        "count of consonants",
        r"\b(?:count\w*|how many|number of)\b.{0,16}\bconsonants\b|자음.{0,4}개수",
        "count counts counting many consonant consonants 자음 개수 세",
        each_of("hello", "aei", "bcd"),
        lambda _text, text: [len(text) - _vowels(text)],
        unless=r"\bvowels?\b|\bwords?\b|\beach\b|\blists?\b|\bunique\b|\bdistinct\b|모음",
    ),
    Intent(
        "text without punctuation",
        r"\bremov\w+\b.{0,12}\bpunctuation\b",
        "remove removes removing punctuation marks mark from characters",
        each_of("Hello, world!", "a.b?", "plain"),
        lambda _text, text: [re.sub(r"[^\w\s]", "", text)],
        unless=r"\bspaces?\b|\bvowels?\b|\bdigits?\b|\blower|\bwords\b|\blists?\b|\bcount\b",
    ),
    Intent(
        "text without spaces",
        r"\bremov\w+\b.{0,12}\b(?:spaces|whitespace|white space)\b|공백.{0,4}제거",
        "remove removes removing spaces whitespace white space from characters 공백 공백을 제거",
        each_of("a b c", "ab", "x y"),
        lambda _text, text: [text.replace(" ", "")],
        unless=r"\bleading\b|\btrailing\b|\bextra\b|\bmultiple\b|\bduplicate|\bstart\b|\bend\b"
        r"|\bends\b"
        r"|\baround\b|\bconsecutive\b|\bbeginning\b|\bunnecessary\b|\blists?\b|앞뒤|양쪽|양끝|중복",
    ),
    Intent(
        "first unique character",
        r"\bfirst (?:unique|non-?\s?repeat\w*) (?:character|letter)\b",
        "first unique non repeating repeated nonrepeating character letter index none 1 minus"
        " exists",
        each_of("leetcode", "aabbc", "a"),
        lambda text, word: [
            (at := next(at for at, letter in enumerate(word) if word.count(letter) == 1)),
            *([] if re.search(r"\bindex\b|\bposition\b", text, re.I) else [word[at]]),
        ],
        unless=r"\bstream\b|\bignor|\blists?\b",
    ),
    Intent(
        "common prefix of two texts",
        r"\bprefix\b.{0,20}\btwo (?:strings|words|texts)\b|\btwo (?:strings|words"
        r"|texts)\b.{0,30}\bprefix\b",
        "longest common prefix two words share shared both have empty between",
        (("flower", "flow"), ("abc", "xyz"), ("abcd", "abef"), ("same", "same")),
        lambda _text, first, second: [_common_prefix([first, second])],
        unless=r"\blength\b|\blist\b|\bsuffix\b|\bif\b|\bwhether\b",
    ),
    Intent(
        "flipped case both ways",
        r"\blower\W?case\b.{0,50}\bupper\W?case\b.{0,30}\b(?:vice versa|other way)\b"
        r"|\bupper\W?case\b.{0,50}\blower\W?case\b.{0,30}\b(?:vice versa|other way)\b",
        "swap swaps turn turns convert converts change changes lower upper case lowercase"
        " uppercase letter"
        " letters character characters other way round around vice versa",
        each_of("Hello", "aBC d"),
        lambda _text, text: [text.swapcase()],
        unless=r"\bvowels?\b|\bonly\b|\bfirst\b",
    ),
)
