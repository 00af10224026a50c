"""What right answers to requests to sort, search, turn and merge lists give."""

import re
from typing import Any

from services.evaluator.app.services.properties_intents import Intent

SORTING_WORDS = """
    sort sorts sorting sorted merge bubble insertion selection quick heap shell mergesort
    quicksort heapsort bubblesort order ascending increasing non decreasing nondecreasing
    smallest largest lowest highest low high least greatest first copy original unchanged leave
    leaves was modify modifying change changing not 정렬 오름차순 병합 퀵 버블 삽입 선택 힙
    합병 정렬해 정렬하 정렬된 순 순서 작은 큰 부터 순으로 원본 퀵정렬 버블정렬 퀵소트 알고리즘
"""
LISTS = (([3, 1, 2],), ([5, 2, 9, 1, 5, 6],), ([10, -1, 0, 7, -1],), ([2, 1],))
SEARCHED: list[Any] = [1, 3, 5, 7, 9]


def _index_of(text: str, items: list[Any], target: Any) -> list[Any]:
    """The index, or what stands for there being none; whether it is there, where that may do."""
    index: Any = items.index(target) if target in items else -1
    absent: list[Any] = [] if target in items else [None]
    says = re.search(r"\bindex|\bposition|인덱스|위치", text, re.I)
    if says:
        return [index, *absent]
    return [index, *absent, target in items]


def _sorted(items: list[float]) -> list[Any]:
    return list[Any](sorted(items))


INTENTS = (
    Intent(
        "sorting",
        r"\bsorts?\b|\bsorting\b|\w+sort\b|정렬|오름차순",
        SORTING_WORDS,
        (*LISTS, ([7],)),
        lambda _text, items: [_sorted(items)],
        edges=(([],),),
        in_place=True,
        unless=(
            r"descending|decreasing order|(?:largest|highest|greatest) to|high to low|내림차순"
            r"|큰\s*(?:수|순|것)"
            r"|\bis sorted\b|merge (?:two )?sorted|되어|있는지|여부"
        ),
    ),
    Intent(
        "sorting in descending order",
        (
            r"(?:sort|정렬).{0,80}(?:descending|decreasing order|(?:largest|highest) to"
            r"|high to low|내림차순)|내림차순.{0,12}정렬"
        ),
        SORTING_WORDS + " descending decreasing 내림차순",
        LISTS,
        lambda _text, items: [_sorted(items)[::-1]],
        edges=(([],),),
        in_place=True,
        unless=(
            r"ascending|increasing|non.?decreasing|오름차순|low to high|smallest to"
            r"|\bmerge sorted"
        ),
    ),
    Intent(
        "sorting texts",
        r"\b(?:sort|sorts)\b.{0,30}\b(?:words|strings|names)\b|\balphabetical",
        SORTING_WORDS + " words names alphabetical alphabetically",
        ((["pear", "apple", "fig"],), (["b", "a"],)),
        lambda _text, items: [sorted(items)],
        in_place=True,
        unless=r"descending|reverse|length|\bis sorted\b|\bin a\b|letters|characters|\bsentence\b",
    ),
    Intent(
        "search for the index",
        (
            r"\b(?:binary|linear|sequential) search\b|\b(?:find|return)s?\b.{0,30}\bindex of\b"
            r"|이진\s*탐색|이진\s*검색|선형\s*탐색"
        ),
        (
            "binary linear sequential search searches searching searched target sorted index "
            "position present exist"
            " exists found not 1 none minus at which found key 이진 탐색 검색 이진탐색 선형 "
            "정렬된 타겟 인덱스 위치 못하 없으면"
            " 목표 찾으면"
        ),
        tuple((SEARCHED, target) for target in (5, 1, 9, 7)),
        _index_of,
        edges=((SEARCHED, 4), ([], 3)),
        unless=(
            r"\binsert|\btree\b|\bfirst\b|\blast\b|\brotated\b|\btwo\b|\blargest\b|\bsmallest\b"
            r"|\bsubstring"
            r"|\bmaximum\b|\bminimum\b"
        ),
    ),
    Intent(
        "reversed list",
        r"\brevers\w+\b.{0,30}\b(?:list|array)\b|(?:리스트|배열).{0,6}(?:뒤집|거꾸로|역순)",
        (
            "reverse reverses reversing reversed order backwards in place 뒤집 뒤집어 뒤집는 "
            "거꾸로 역순 순서"
        ),
        (([1, 2, 3],), ([4, 9],), ([7],)),
        lambda _text, items: [items[::-1]],
        edges=(([],),),
        in_place=True,
        unless=r"\bstring\b|문자열|\bwords?\b|\bsort|\bnested\b|\binteger\b|\bnumber\b",
    ),
    Intent(
        "two sorted lists merged",
        (
            r"\bmerg\w+\b.{0,12}\b(?:two )?sorted\b|정렬된\s*(?:두|2).{0,12}(?:병합|합치)"
            r"|두.{0,3}정렬된.{0,12}(?:병합|합)"
        ),
        "merge merges merging merged two sorted into 정렬된 두 개 병합 합치 합쳐 하나로 정렬",
        (([1, 4], [2, 3]), ([1, 3, 5], [2, 4, 6, 8]), ([1, 2], [3])),
        lambda _text, first, second: [_sorted([*first, *second])],
        edges=(([], [1]),),
        in_place=True,
        unless=r"\blinked\b|\bk\b|\bmedian\b",
    ),
    Intent(
        "rotation to the right",
        r"\brotat\w+\b.{0,30}\bright\b|오른쪽.{0,10}회전",
        (
            "rotate rotates rotation right k n places positions steps times larger than "
            "오른쪽 회전 "
            "회전시키 k n 칸 만큼 번"
        ),
        (([1, 2, 3, 4], 1), ([1, 2, 3, 4, 5], 2), ([1, 2, 3], 3)),
        lambda _text, items, k: [items[-k % len(items) :] + items[: -k % len(items)]],
        in_place=True,
        unless=r"\bleft\b|\bmatrix\b|\bstring\b|\blinked\b|왼쪽",
    ),
    Intent(
        "zeros moved to the end",
        r"\bmov\w+\b.{0,12}\bzero(?:e?s)\b",
        (
            "move moves zeros zeroes 0 end while keeping maintaining preserving relative order "
            "other others in place"
            " rest keep 0s"
        ),
        (([0, 1, 0, 3],), ([0, 0, 1],), ([1, 2],)),
        lambda _text, items: [[item for item in items if item] + [0] * items.count(0)],
        in_place=True,
        unless=r"\bfront\b|\bbeginning\b|\bstart\b",
    ),
    Intent(
        "sortedness test",
        r"\b(?:is|if|whether|check\w*)\b.{0,30}\bsorted\b|정렬(?:되어|돼).{0,4}(?:있는지|확인)",
        "sorted ascending order increasing non decreasing not 정렬되어 정렬 정렬된 있는지 오름차순",
        (([1, 2, 2, 5],), ([1, 3, 2],), ([4],)),
        lambda _text, items: [items == sorted(items)],
        unless=(
            r"\bdescending\b|\btakes a sorted\b|\bstrictly\b|\breverse|\breturns? (?:a"
            r"|the) sorted|\bsort\b"
        ),
    ),
    Intent(
        "rotation to the left",
        r"\brotat\w+\b.{0,30}\bleft\b|왼쪽.{0,10}회전",
        "rotate rotates rotation left k n places positions steps times 왼쪽 회전 회전시키 k n"
        " 칸 만큼 번",
        (([1, 2, 3, 4], 1), ([1, 2, 3, 4, 5], 2), ([1, 2, 3], 3)),
        lambda _text, items, k: [items[k % len(items) :] + items[: k % len(items)]],
        in_place=True,
        unless=r"\bright\b|\bmatrix\b|\bstrings?\b|\blinked\b|\bbits?\b|\bdegrees\b|오른쪽",
    ),
)
