"""What right answers to requests about matrices, intervals and graphs give."""

from typing import Any

from services.evaluator.app.services.properties_intents import Intent, or_printed

TREE: dict[Any, Any] = {"a": ["b", "c"], "b": ["d"], "c": [], "d": []}
PATH: dict[Any, Any] = {"a": ["b"], "b": ["a", "c"], "c": ["b"], "d": []}


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


INTENTS = (
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
        lambda text, graph, start: or_printed(text, [_breadth_first(graph, start)]),
        unless=r"\btree\b|\bshortest\b|\bpath\b|\bmatrix\b|\bgrid\b|최단",
    ),
)
