"""What right answers to well-known requests about lists give."""

import re
from collections import Counter
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
TREE: dict[Any, Any] = {"a": ["b", "c"], "b": ["d"], "c": [], "d": []}
PATH: dict[Any, Any] = {"a": ["b"], "b": ["a", "c"], "c": ["b"], "d": []}


def _index_of(text: str, items: list[Any], target: Any) -> list[Any]:
    """The index, or what stands for there being none; whether it is there, where that may do."""
    index: Any = items.index(target) if target in items else -1
    absent: list[Any] = [] if target in items else [None]
    says = re.search(r"\bindex|\bposition|인덱스|위치", text, re.I)
    if says:
        return [index, *absent]
    return [index, *absent, target in items]


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


def _sorted(items: list[float]) -> list[Any]:
    return list[Any](sorted(items))


def _kadane(items: list[int]) -> int:
    return max(
        sum(items[start:end])
        for start in range(len(items))
        for end in range(start + 1, len(items) + 1)
    )


def _transposed(rows: list[list[Any]]) -> list[Any]:
    return [list(column) for column in zip(*rows, strict=True)]


def _product(first: list[list[int]], second: list[list[int]]) -> list[Any]:
    return [
        [
            sum(one * other for one, other in zip(row, column, strict=True))
            for column in zip(*second, strict=True)
        ]
        for row in first
    ]


def _chosen(kept: list[Any]) -> list[Any]:
    return [kept, tuple(kept), set(kept)]


def _median(numbers: list[float]) -> float:
    ordered, middle = sorted(numbers), len(numbers) // 2
    return ordered[middle] if len(numbers) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _counts(text: str, items: list[Any]) -> list[Any]:
    counts = Counter(items)
    if re.search(r"\bdict", text, re.I):
        return [dict(counts)]
    return [dict(counts), list(counts.items()), list(counts.most_common())]


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
        "largest element",
        r"\b(?:max|maximum|largest|biggest|greatest|highest)\b|최댓값|최대값|가장\s*큰",
        "max maximum largest biggest greatest highest 최댓값 최대값 가장 큰 수 숫자 중 최대",
        (([3, 7, 2],), ([-5, -2, -9],), ([4],)),
        lambda _text, items: [max(items)],
        unless=(
            r"\bmin|smallest|최솟|최소|common|index|\btwo\b|\bthree\b|\ba and b\b|\bstrings?\b"
            r"|\blists\b|\btext\b"
        ),
    ),
    Intent(
        "smallest element",
        r"\b(?:min|minimum|smallest|lowest|least)\b|최솟값|최소값|가장\s*작은",
        "min minimum smallest lowest least 최솟값 최소값 가장 작은 수 숫자 중 최소",
        (([3, 7, 2],), ([-5, -2, -9],), ([4],)),
        lambda _text, items: [min(items)],
        unless=(
            r"\bmax|largest|biggest|최댓|최대|common|index|\btwo\b|\bthree\b|\bstrings?\b|\blists\b"
            r"|\btext\b"
        ),
    ),
    Intent(
        "second largest",
        r"\bsecond[- ](?:largest|highest|biggest)\b|두\s*번째로\s*큰",
        "second largest highest biggest distinct none unique 두 번째 번째로 큰 수 숫자",
        (([1, 9, 4, 7],), ([-5, -2, -9],), ([2, 1],)),
        lambda _text, items: [sorted(set(items))[-2]],
        unless=r"index|\bstrings?\b",
    ),
    Intent(
        "sum",
        r"\b(?:sums?|total|add up)\b|합계|합을|총합",
        "sum sums total add adds up together summing 합 합계 총합 합을 더하 더해 더한 수 숫자",
        (([1, 2, 3],), ([-4, 4, 10],), ([5],)),
        lambda _text, items: [sum(items)],
        edges=(([],),),
        unless=(
            r"\btwo\b|\bnested\b|\blists\b|\barrays\b|\bstrings?\b|\beven\b|\bodd\b"
            r"|\bpositive\b|\bnegative\b"
            r"|\binteger\b(?!s)|\d|\bn\b|\bnatural\b|\btext\b|양의|자연수"
        ),
    ),
    Intent(
        "product of all",
        r"\b(?:product|multiply)\b",
        "product multiply multiplies together",
        (([1, 2, 3, 4],), ([-2, 5],), ([5],)),
        lambda _text, items: [_multiplied(items)],
        unless=(
            r"\btwo\b|\blists\b|\bstrings?\b|\bpositive\b|\bnegative\b|\d|\binteger\b(?!s)"
            r"|matri"
        ),
    ),
    Intent(
        "average",
        r"\b(?:average|mean)\b|평균",
        "average mean arithmetic 평균 평균을 평균값 수 숫자",
        (([1, 2, 3, 4],), ([5],), ([-2, 2, 6],)),
        lambda _text, items: [sum(items) / len(items)],
        unless=r"\bwords?\b|\btwo\b|\bthree\b|\blists\b|\bstrings?\b|\bpositive\b|\bnegative\b|\d",
    ),
    Intent(
        "median",
        r"\bmedian\b|중앙값|중간값",
        "median count even mean two middle average odd sorted 중앙값 중간값 짝수 가운데 두 평균",
        (([3, 1, 2],), ([4, 1, 3, 2],), ([5],)),
        lambda _text, items: [_median(items)],
        unless=r"\b(?:two|both) (?:sorted )?(?:lists|arrays)\b|\bstream\b",
    ),
    Intent(
        "duplicates removed",
        (
            r"\b(?:remov\w+|eliminat\w+|delet\w+|drop\w*|without)\b.{0,20}\bduplicates?\b"
            r"|\bdedup\w*\b|중복.{0,8}(?:제거|없애|삭제)"
        ),
        (
            "remove removes removing eliminate duplicate duplicates deduplicate dedupe drop "
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
            "flatten flattens flattening nested level levels arbitrarily arbitrary deeply deep "
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
        r"\beven\b|짝수",
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
        "sum of even numbers",
        r"\bsum\b.{0,20}\beven\b|짝수.{0,8}합",
        "sum sums even only 짝수 합 합을 의 더하",
        (([1, 2, 3, 4],), ([8, 7],), ([1, 3],)),
        lambda _text, items: [sum(item for item in items if item % 2 == 0)],
        unless=r"\bodd\b|index|\bn\b|\bpositive\b|\bnegative\b|fibonacci|\d|digit|홀수|양의",
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
        "transposed matrix",
        r"\btranspos\w+\b|전치",
        "transpose transposes transposition transposed matrix rows columns 행렬 전치 전치행렬",
        (([[1, 2, 3], [4, 5, 6]],), ([[1, 2], [3, 4]],)),
        lambda _text, rows: [_transposed(rows)],
        unless=r"\bin[- ]place\b|\bsquare\b",
    ),
    Intent(
        "matrix product",
        (
            r"\bmultipl\w+\b.{0,24}\bmatri(?:x|ces)\b|\bmatri(?:x"
            r"|ces)\b.{0,12}\b(?:multiplication|product)\b|행렬.{0,6}곱"
        ),
        (
            "multiply multiplies multiplication product matrix matrices two rows columns "
            "행렬 두 곱셈 곱 곱하"
        ),
        (([[1, 2], [3, 4]], [[5, 6], [7, 8]]), ([[1, 2, 3]], [[1], [2], [3]])),
        lambda _text, first, second: [_product(first, second)],
        unless=r"scalar|element.?wise|vector",
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
        lambda _text, items, target: [_pair(items, target), set(_pair(items, target))],
        any_order=True,
        unless=r"\bsorted\b|\ball pairs\b|\bcount\b|\bclass\b",
    ),
    Intent(
        "largest sum of a contiguous part",
        (
            r"\b(?:maximum|largest|max|greatest)\b.{0,12}\bsub-?array\b|\b(?:largest"
            r"|maximum)\b.{0,4}\bsum\b.{0,20}\b(?:contiguous|sub)"
            r"|\bkadane|최대\s*부분\s*(?:배열|합)"
        ),
        (
            "maximum largest max greatest sum subarray sub contiguous kadane s part holds "
            "least 최대 부분 합 부분합 연속"
        ),
        (([-2, 1, -3, 4, -1, 2, 1, -5, 4],), ([1, 2, 3],), ([5, -9, 6],)),
        lambda _text, items: [_kadane(items)],
        unless=r"\bproduct\b|\bindices\b|\blength\b|\breturn the subarray\b|\bsize\b|\bk\b",
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
        "moving average",
        r"\b(?:moving|rolling) average\b|이동\s*평균",
        "moving rolling average window size full k n 이동 평균 이동평균 윈도우 크기 창",
        (([1, 2, 3, 4], 2), ([3, 5, 7], 3), ([4, 8], 1)),
        lambda _text, items, size: [
            [sum(items[at : at + size]) / size for at in range(len(items) - size + 1)]
        ],
        unless=r"\bstream\b|\bclass\b|\bexponential\b|\bweighted\b",
    ),
    Intent(
        "cumulative sums",
        r"\b(?:cumulative|running|prefix)\b.{0,6}\b(?:sums?|total)\b|누적\s*합",
        "cumulative running prefix sum sums total totals 누적 합 누적합",
        (([1, 2, 3],), ([4, -4, 1],)),
        lambda _text, items: [
            [sum(items[: end + 1]) for end in range(len(items))],
            [sum(items[:end]) for end in range(len(items) + 1)],
        ],
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
        "overlapping intervals merged",
        r"\bmerg\w+\b.{0,60}\bintervals?\b|\bintervals\b.{0,60}\bmerge\b|구간.{0,8}병합",
        (
            "merge merges merged merging overlap overlaps overlapping touch interval intervals "
            "pair pairs start end"
            " sorted their come order 구간 겹치 병합 합치"
        ),
        (([[1, 3], [2, 6], [8, 10]],), ([[5, 7], [1, 2]],), ([[1, 9], [2, 3]],)),
        lambda _text, intervals: [_merged(intervals)],
        unless=r"\binsert\b|\bcount\b",
    ),
    Intent(
        "counts of items",
        r"\bcount\w*\b.{0,40}\b(?:occurrences?|often|times|frequency)\b.{0,30}\b(?:list|array)\b"
        r"|\bfrequenc(?:y|ies)\b.{0,30}\b(?:list|array|elements?|items?)\b",
        (
            "count counts counting occurrence occurrences often times frequency frequencies "
            "occurs appears dictionary dict mapping"
        ),
        ((["a", "b", "a"],), ([1, 1, 2],)),
        _counts,
        unless=(
            r"\bword|\bstring\b|\bcharacter|\bmost\b|\bspecific\b|\btarget\b|\bof (?:an?"
            r"|one) (?:item|element|value)\b"
            r"|\bgiven (?:item|element|value|number)\b|\btext\b"
        ),
    ),
    Intent(
        "breadth-first order",
        r"\bbreadth[- ]first\b|\bbfs\b|너비\s*우선",
        (
            "breadth first bfs order search traversal traverse graph dictionary node nodes "
            "neighbour neighbours neighbor"
            " neighbors start starting beginning visited adjacency visits visit 너비 우선 "
            "탐색 그래프 "
            "노드 시작 방문 순서"
        ),
        ((TREE, "a"), (PATH, "a")),
        lambda _text, graph, start: [_breadth_first(graph, start)],
        unless=r"\btree\b|\bshortest\b|\bpath\b|\bmatrix\b|\bgrid\b|최단",
    ),
)


def _multiplied(items: list[int]) -> int:
    product = 1
    for item in items:
        product *= item
    return product


def _pair(items: list[int], target: int) -> list[Any]:
    for first, one in enumerate(items):
        for second in range(first + 1, len(items)):
            if one + items[second] == target:
                return [first, second]
    return []


def _merged(intervals: list[list[int]]) -> list[Any]:
    merged: list[list[int]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return list[Any](merged)


def _breadth_first(graph: dict[str, list[str]], start: str) -> list[Any]:
    order = [start]
    for node in order:
        order += [neighbour for neighbour in graph[node] if neighbour not in order]
    return list[Any](order)
