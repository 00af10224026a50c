"""What right answers to requests for one figure of a list give."""

import re
from collections import Counter
from typing import Any

from services.evaluator.app.services.properties_intents import Intent


def _kadane(items: list[int]) -> int:
    return max(
        sum(items[start:end])
        for start in range(len(items))
        for end in range(start + 1, len(items) + 1)
    )


def _median_as_asked(text: str, items: list[float]) -> list[Any]:
    """Either of the middle two will do as well where the request doesn't ask for their mean."""
    ordered = sorted(items)
    middle = [ordered[(len(items) - 1) // 2], ordered[len(items) // 2]]
    is_mean = re.search(r"\bmean\b|\baverage\b|\btwo\b|평균", text, re.I)
    return [_median(items), *([] if is_mean else middle)]


def _median(numbers: list[float]) -> float:
    ordered, middle = sorted(numbers), len(numbers) // 2
    return ordered[middle] if len(numbers) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _counts(text: str, items: list[Any]) -> list[Any]:
    counts = Counter(items)
    if re.search(r"\bdict", text, re.I):
        return [dict(counts)]
    return [dict(counts), list(counts.items()), list(counts.most_common())]


def _multiplied(items: list[int]) -> int:
    product = 1
    for item in items:
        product *= item
    return product


INTENTS = (
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
        _median_as_asked,
        unless=r"\b(?:two|both) (?:sorted )?(?:lists|arrays)\b|\bstream\b",
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
        "second smallest",
        r"\bsecond[- ](?:smallest|lowest)\b|두\s*번째로\s*작은",
        "second smallest lowest distinct none unique 두 번째 번째로 작은 수 숫자",
        (([1, 9, 4, 7],), ([-5, -2, -9],), ([2, 1],)),
        lambda _text, items: [sorted(set(items))[1]],
        unless=r"index|\bstrings?\b",
    ),
    Intent(
        "most common element",
        r"\b(?:mode of|most (?:common|frequent) (?:element|item|value|number))\b|최빈값",
        "mode most common frequent often occurs appears 최빈값",
        (([1, 2, 2, 3],), ([7, 7, 7, 1],)),
        lambda _text, items: [(most := max(items, key=items.count)), [most], {most}, (most,)],
        unless=r"\bstrings?\b|\bwords?\b|\bcharacters?\b|\bk\b|\btop\b|\bcount\b|\btimes\b"
        r"|\btext\b",
    ),
    Intent(
        "range of values",
        r"\bdifference between (?:the )?(?:largest|max\w*|biggest|highest|greatest)"
        r"(?: \w+){0,2} and (?:the )?(?:smallest|min\w*|lowest)\b|최댓값과 최솟값의 차",
        "difference between largest max maximum biggest highest greatest smallest min minimum"
        " lowest"
        " 최댓값과 최솟값의 차 차이",
        (([3, 7, 2],), ([-5, -2, -9],), ([4, 4],)),
        lambda _text, items: [max(items) - min(items)],
        unless=r"\bdigits?\b|\bindex|\bstrings?\b|\bwords\b|\btwo\b|\bconsecutive\b",
    ),
    Intent(
        "count of even numbers",
        r"\b(?:count\w*|how many|number of)\b.{0,40}\beven\b|짝수.{0,6}개수",
        "count counts counting many even 짝수 짝수의 개수 세 몇",
        (([1, 2, 3, 4],), ([8, 0, 7],), ([1, 3],)),
        lambda _text, items: [sum(item % 2 == 0 for item in items)],
        edges=(([],),),
        unless=r"\bodd\b|\bdigits?\b|\bstrings?\b|\bsum\b|\binteger\b(?!s)|\bindex"
        r"|\bdivisors\b|홀수",
    ),
    Intent(
        "count of odd numbers",
        r"\b(?:count\w*|how many|number of)\b.{0,40}\bodd\b|홀수.{0,6}개수",
        "count counts counting many odd 홀수 홀수의 개수 세 몇",
        (([1, 2, 3, 5],), ([8, 0, 7],), ([2, 4],)),
        lambda _text, items: [sum(item % 2 == 1 for item in items)],
        edges=(([],),),
        unless=r"\beven\b|\bdigits?\b|\bstrings?\b|\bsum\b|\binteger\b(?!s)|\bindex"
        r"|\bdivisors\b|짝수",
    ),
    Intent(
        "count of a value",
        r"\b(?:how (?:many times|often)|number of times)\b.{0,20}\b(?:value|target|element"
        r"|item|number|x)"
        r"\b.{0,12}\b(?:occurs?|appears?|is)\b.{0,16}\b(?:list|array|items)\b"
        r"|\b(?:count\w*|number of)\b.{0,10}\boccurrences of (?:a |an |the )?(?:given "
        r"|specific |certain )?"
        r"(?:value|target|element|item|number|x)\b.{0,20}\b(?:list|array)\b",
        "how many times often count counts counting occurrence occurrences occurs occur"
        " appears appear"
        " target given specific certain x",
        (([1, 2, 1, 3, 1], 1), ([1, 2], 2), ([1, 2], 5)),
        lambda _text, items, value: [items.count(value)],
        unless=r"\beach\b|\bevery\b|\bdict|\bwords?\b|\bstring\b|\bcharacters?\b|\bletters?\b"
        r"|\bunique\b"
        r"|\bmost\b|\bsorted\b|\bnested\b",
    ),
    Intent(
        "sum of odd numbers",
        r"\bsum\b.{0,20}\bodd\b|홀수.{0,8}합",
        "sum sums odd only 홀수 합 합을 의 더하",
        (([1, 2, 3, 4],), ([8, 7],), ([2, 4],)),
        lambda _text, items: [sum(item for item in items if item % 2 == 1)],
        unless=r"\beven\b|index|\bindices\b|\bn\b|\bpositive\b|\bnegative\b|\bpositions?\b|\d|digit"
        r"|\binteger\b(?!s)|짝수|양의|1부터|까지",
    ),
    Intent(
        "sum of squares",
        r"\bsum of (?:the )?squares\b|제곱의?\s*합",
        "sum sums squares square squared 제곱 제곱의 합 합을",
        (([1, 2, 3],), ([-4, 2],), ([5],)),
        lambda _text, items: [sum(item * item for item in items)],
        edges=(([],),),
        unless=r"\bn\b|\bfirst\b|\bdigits?\b|\bdifference\b|\beven\b|\bodd\b|\bpositive\b"
        r"|\bnegative\b"
        r"|\d|\binteger\b(?!s)|\btwo\b|짝수|홀수",
    ),
    Intent(
        "dot product",
        r"\b(?:dot|scalar|inner) product\b|내적",
        "dot scalar inner product two vectors vector equal same length 내적 두 벡터",
        (([1, 2, 3], [4, 5, 6]), ([1, -1], [2, 2]), ([3], [4])),
        lambda _text, first, second: [
            sum(one * other for one, other in zip(first, second, strict=True))
        ],
        unless=r"\bmatri|\bsparse\b",
    ),
    Intent(
        "index of the largest element",
        r"\bindex of (?:the )?(?:largest|max\w*|biggest|highest|greatest)\b|최댓값의\s*인덱스",
        "index largest max maximum biggest highest greatest 최댓값 최댓값의 인덱스",
        (([3, 7, 2],), ([-5, -2, -9],), ([4],)),
        lambda _text, items: [items.index(max(items))],
        unless=r"\bmin\w*\b|\bsmallest\b|\blast\b|\bstrings?\b|\bwords\b|\beven\b|\bodd\b|\btwo\b",
    ),
)
