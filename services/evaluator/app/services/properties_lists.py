"""What right answers to requests for the parts of lists give."""

import re
from typing import Any

from services.evaluator.app.services.properties_intents import Intent


def _without_duplicates(text: str, items: list[Any]) -> list[Any]:
    kept = list(dict.fromkeys(items))
    if re.search(r"\border\b|순서", text, re.I) and not re.search(r"\bsort", text, re.I):
        return [kept]
    anyhow: list[Any] = [kept, set(kept), sorted(kept, key=repr), kept[::-1]]
    last = list(dict.fromkeys(items[::-1]))
    return [*anyhow, last, last[::-1], tuple(kept), sorted(kept, key=repr)[::-1]]


def _deeply(items: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for item in items:
        flat += _deeply(item) if isinstance(item, list) else [item]
    return flat


def _chosen(kept: list[Any]) -> list[Any]:
    return [kept, tuple(kept), set(kept)]


def _two_sum(text: str, items: list[int], target: int) -> list[Any]:
    """The places of the two; where the request names none, also the two themselves."""
    places = _pair(items, target)
    values = [items[place] for place in places]
    are_places = re.search(r"\bind(?:ices|exe?s?)\b|\bpositions?\b|인덱스", text, re.I)
    return [places, set(places), *([] if are_places else [values, set(values)])]


def _pair(items: list[int], target: int) -> list[Any]:
    for first, one in enumerate(items):
        for second in range(first + 1, len(items)):
            if one + items[second] == target:
                return [first, second]
    return []


def _joined(text: str, words: list[str]) -> list[Any]:
    """By the separator that the request names; by any usual one where it names none."""
    if re.search(r"\bcommas?\b", text, re.I):
        is_tight = re.search(r"\b(?:without|no) spaces?\b", text, re.I)
        gaps: tuple[str, ...] = (",",) if is_tight else (",", ", ")
    elif re.search(r"\bhyphens?\b|\bdash", text, re.I):
        gaps = ("-",)
    elif re.search(r"\bspaces?\b", text, re.I):
        gaps = ("",) if re.search(r"\b(?:without|no) spaces?\b", text, re.I) else (" ",)
    else:
        gaps = ("", " ", ",", ", ")
    return [gap.join(words) for gap in gaps]


INTENTS = (
    Intent(
        "duplicates removed",
        (
            r"\b(?:remov\w+|eliminat\w+|delet\w+|drop\w*|without)\b.{0,20}\bduplicates?\b"
            r"|\bremov\w+\b.{0,12}\brepeated\b.{0,60}\bfirst\b|\bdedup\w*\b|중복.{0,8}(?:제거"
            r"|없애|삭제)"
        ),
        (
            "repeated occurrence occurrences remove removes removing eliminate duplicate"
            " duplicates deduplicate dedupe drop "
            "delete while preserving"
            " preserve keep keeping keeps original order first appearance unique 중복 중복된 "
            "제거 없애 "
            "삭제 순서 유지 처음 나온"
            " 원래 등장"
        ),
        (([1, 2, 2, 3, 1],), ([4, 4, 4],), ([3, 1, 2],)),
        _without_duplicates,
        edges=(([],),),
        unless=r"\bstring\b|문자열|\bonce\b|\btwice\b|\bdict|\bsorted (?:list|array)\b|\btext\b",
    ),
    Intent(
        "flattened list",
        r"\bflatten\w*\b|평탄화|펼치",
        (
            "flat turn turns convert converts into flatten flattens flattening nested level"
            " levels arbitrarily arbitrary deeply deep "
            "depth 중첩 중첩된 평탄화 펼치 펼쳐"
        ),
        (([[1, 2], [3], [4, 5]],), ([[7], [8]],)),
        lambda _text, items: [_deeply(items)],
        unless=r"\bdict|\btree\b|\bjson\b|\bstrings?\b",
    ),
    Intent(
        "deeply flattened list",
        (
            r"\bflatten\w*\b.{0,60}\b(?:arbitrar\w+|deeply|any depth)\b|\b(?:arbitrar\w+"
            r"|deeply)\b.{0,30}\bflatten"
        ),
        "flatten flattens nested level levels arbitrarily arbitrary deeply deep depth",
        (([1, [2, [3, [4]]], 5],),),
        lambda _text, items: [_deeply(items)],
        unless=r"\bdict|\btree\b|\bjson\b|\bstrings?\b",
    ),
    Intent(
        "even numbers kept",
        r"\beven (?:numbers|integers|values|elements|items|ones)\b|짝수",
        (
            "even only filter filters keep keeps contains containing 짝수 짝수만 만 필터링 "
            "골라 남기 걸러"
        ),
        (([1, 2, 3, 4, 5, 6],), ([8, 7],), ([1, 3],)),
        lambda _text, items: [[item for item in items if item % 2 == 0]],
        unless=(
            r"\bodd\b|\bsum\b|\bcount\b|\bindex|\bis even\b|홀수|합|개수|인지|\binteger\b(?!s)"
            r"|\bnumber\b(?!s)|\bpositive\b"
            r"|\bnegative\b|\bif\b|\bwhether\b|\bcheck\b"
        ),
    ),
    Intent(
        "intersection",
        r"\bintersection\b|\bcommon elements\b|교집합|공통",
        "intersection common both two shared between sets set 교집합 공통 공통된 두 요소 원소",
        (([1, 2, 3, 4], [3, 4, 5]), ([1], [2])),
        lambda _text, first, second: _chosen([item for item in first if item in second]),
        any_order=True,
        unless=r"\bintervals?\b|\bstrings?\b|\blinked\b|\bdict|\bthree\b",
    ),
    Intent(
        "union",
        r"\bunion\b|합집합",
        "union both two without duplicates sets set 합집합 두 요소 원소",
        (([1, 2, 3], [3, 4]), ([1], [2])),
        lambda _text, first, second: _chosen(list(dict.fromkeys([*first, *second]))),
        any_order=True,
        unless=r"\bfind\b.{0,10}\bunion\b.{0,10}\bfind\b|\bstrings?\b|\bdisjoint\b",
    ),
    Intent(
        "two numbers that add up to a target",
        r"\btwo[- ]?sum\b|\bind(?:ices|exes)\b.{0,30}\btwo\b.{0,20}\badd up\b",
        (
            "two sum add adds up target indices indexes index nums tuple pair smaller first "
            "always exactly solution"
            " not same twice specific sums"
        ),
        (([2, 7, 11, 15], 9), ([3, 2, 4], 6)),
        _two_sum,
        any_order=True,
        unless=r"\bsorted\b|\ball pairs\b|\bcount\b|\bclass\b",
    ),
    Intent(
        "chunks",
        r"\bchunks?\b|나누|분할",
        (
            "split splits chunk chunks chunked size n k last shorter into sublists 나누 나눠 "
            "크기 청크 분할 n 개씩"
        ),
        (([1, 2, 3, 4, 5], 2), ([1, 2, 3, 4], 2), ([1, 2], 5)),
        lambda _text, items, size: [
            [items[start : start + size] for start in range(0, len(items), size)]
        ],
        unless=r"\bstring\b|문자열|\bequal\b|n chunks|\bword|\bn parts\b",
    ),
    Intent(
        "odd numbers kept",
        r"\bodd (?:numbers|integers|values|elements|items|ones)\b|홀수",
        "odd only filter filters keep keeps contains containing 홀수 홀수만 만 필터링 골라"
        " 남기 걸러",
        (([1, 2, 3, 4, 5, 6],), ([8, 7],), ([2, 4],)),
        lambda _text, items: [[item for item in items if item % 2 == 1]],
        unless=r"\beven\b|\bsum\b|\bcount\b|\bindex|\bis odd\b|짝수|합|개수|인지|\binteger\b(?!s)"
        r"|\bnumber\b(?!s)|\bpositive\b|\bnegative\b|\bif\b|\bwhether\b|\bcheck\b",
    ),
    Intent(
        "positive numbers kept",
        r"\b(?:keep|filter|return|get|find)\w*\b.{0,20}\bpositive (?:numbers|integers|values"
        r"|elements)\b"
        r"|양수만",
        "positive only filter filters keep keeps contains containing 양수 양수만 만 필터링"
        " 골라 남기 걸러",
        (([1, -2, 3],), ([-8, -7],), ([0, 5],)),
        lambda _text, items: [[item for item in items if item > 0]],
        unless=r"\bsum\b|\bcount\b|\bindex|\bif\b|\bwhether\b|\bcheck\b|\btwo\b|\b(?:list|array) of"
        r" (?:\w+ )?positive\b|\bsort|\bgiven positive\b|\bnegative\b|\bfirst\b",
        any_sign=True,
    ),
    Intent(
        "doubled numbers",
        r"\bdoubl\w+\b.{0,30}\b(?:numbers|elements?|items?|values?|number)\b.{0,20}\b(?:list"
        r"|array)\b"
        r"|\bmultipl\w+\b.{0,30}\b(?:list|array)\b.{0,6}\bby (?:2|two)\b|(?:두|2)\s*배로",
        "double doubles doubled doubling multiply multiplies multiplied 2 two every 두 2 배로"
        " 배 두배로",
        (([1, 2, 3],), ([-4, 0],), ([7],)),
        lambda _text, items: [[item * 2 for item in items]],
        edges=(([],),),
        in_place=True,
        unless=r"\bstrings?\b|\bcharacters?\b|\blinked\b|\bsum\b|\bodd\b|\beven\b|\bsecond\b"
        r"|\btwice\b",
    ),
    Intent(
        "squared numbers",
        r"\bsquar\w+\b.{0,30}\b(?:list|array|numbers)\b|\b(?:list|array) of (?:the "
        r"|their )?squares\b"
        r"|제곱한\s*리스트",
        "square squares squared squaring 제곱 제곱한",
        (([1, 2, 3],), ([-4, 0],), ([7],)),
        lambda _text, items: [[item * item for item in items]],
        edges=(([],),),
        in_place=True,
        unless=r"\bsum\b|\broot|\bsort|\bodd\b|\beven\b|\bmatrix\b|\bperfect\b|\bn\b|\bfirst\b|\d"
        r"|\bup to\b|\bdict|\btotal\b|합|\bdiffer|\ba number\b|\bthe number\b",
    ),
    Intent(
        "rest of the first list",
        r"\bin the first\b.{0,24}\bnot in the second\b",
        "difference two first second not sets set both but only",
        (([1, 2, 3], [2]), ([4], [5]), ([6], [6])),
        lambda _text, first, second: _chosen([item for item in first if item not in second]),
        any_order=True,
        unless=r"\bsymmetric\b|\bstrings?\b|\bdict|\bwords\b",
    ),
    Intent(
        "test for duplicates",
        r"\b(?:contains?|has|have|any)\b.{0,16}\bduplicates?\b|중복.{0,8}(?:있는지|여부)",
        "contains contain has duplicate duplicates any 중복 중복된 중복이 있는지 요소 원소",
        (([1, 2, 1],), ([1, 2, 3],), ([4, 4],)),
        lambda _text, items: [len(set(items)) < len(items)],
        unless=r"\bremov|\bcount\b|\bstrings?\b|\bdict|\bwithin\b|\bfind\b|\bsorted\b"
        r"|\bno duplicates\b"
        r"|\bwithout\b|제거|\bmay\b|\bmight\b|\bcan\b",
    ),
    Intent(
        "test for distinct elements",
        r"\b(?:if|whether|check\w*)\b.{0,20}\ball\b.{0,24}\b(?:unique|distinct|different)\b",
        "all unique distinct different",
        (([1, 2, 1],), ([1, 2, 3],), ([4, 4],)),
        lambda _text, items: [len(set(items)) == len(items)],
        unless=r"\bstrings?\b|\bcharacters?\b|\bcount\b|\bdigits?\b|\bwords?\b|\btext\b",
    ),
    Intent(
        "joined texts",
        r"\bjoin\w*\b.{0,40}\b(?:strings|words)\b",
        "join joins joined joining strings words comma commas separated separator spaces space"
        " hyphen"
        " hyphens dash dashes between them together single without no",
        ((["a", "bc", "d"],), (["x"],)),
        _joined,
        edges=(([],),),
        unless=r"\bnew\W?lines?\b|\bseparator\b|\bdelimiter\b|\bsemicolon|\btwo strings\b"
        r"|\bletters?\b",
    ),
)
