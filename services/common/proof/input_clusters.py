"""Groups inputs that say nearly the same, so that one caller's flood counts once. Pure."""

import re
from collections.abc import Sequence
from itertools import zip_longest

# Inputs that share this much of their words are one and the same question in other clothes.
LEAST_SIMILARITY = 0.6
MAX_WORDS = 200
# What is compared grows with the square of the clusters; what is like none of them is left out.
MAX_CLUSTERS = 50
# One caller's flood can't be the evidence: this many of each cluster of like inputs.
MAX_PER_CLUSTER = 2
# Words that requests share whatever they ask for.
COMMON_WORDS = frozenset(
    """a an and are as at be by can code could do each every for from function give given has have
    how i if in into is it its me my need of on one or please program python return returns should
    so takes that the their then there this to use want what when where whether which will with
    write you your 함수 파이썬 코드 작성 작성해 주세요 줘""".split()
)
_WORD = re.compile(r"[^\W\d_]+|\d+", re.UNICODE)


def cluster_inputs(inputs: Sequence[str], *, most_clusters: int = MAX_CLUSTERS) -> list[list[int]]:
    """Group inputs by the words that they share (Jaccard similarity of their word sets).

    Numbers count as one word: a caller that counts up asks the same thing each time.

    Args:
        inputs: The texts; which cluster one comes to depends on those before it alone.
        most_clusters: Clusters that are opened; what is like none of them has no place.

    Returns:
        Clusters of positions in `inputs`, in the order in which their first members come.
    """
    clusters: list[list[int]] = []
    representatives: list[frozenset[str]] = []
    for position, text in enumerate(inputs):
        words = _words_of(text)
        for cluster, representative in zip(clusters, representatives, strict=True):
            if _similarity(words, representative) >= LEAST_SIMILARITY:
                cluster.append(position)
                break
        else:
            if len(clusters) >= most_clusters:
                continue
            clusters.append([position])
            representatives.append(words)
    return clusters


def take_in_turn(clusters: Sequence[Sequence[int]]) -> list[int]:
    """Take positions in turn: one of each cluster, then a second of each that has one."""
    rounds = zip_longest(*(cluster[:MAX_PER_CLUSTER] for cluster in clusters))
    return [at for positions in rounds for at in positions if at is not None]


def _words_of(text: str) -> frozenset[str]:
    words = _WORD.findall(text.casefold()[:20_000])
    if len(words) > MAX_WORDS:
        # How a conversation began is often the same; what was asked last isn't.
        words = words[: MAX_WORDS // 2] + words[-MAX_WORDS // 2 :]
    distinct = frozenset("0" if word.isdigit() else word for word in words)
    return distinct - COMMON_WORDS or distinct


def _similarity(one: frozenset[str], other: frozenset[str]) -> float:
    if not one and not other:
        return 1.0
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)
