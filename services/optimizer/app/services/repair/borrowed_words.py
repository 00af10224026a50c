"""Finds words in a candidate that users or models brought in; pure.

What is compared are words, so that capitals, stops, line ends, look-alikes and hidden characters
make no difference, and pieces of three words, so that it makes none whether a sentence stood in
one request or in several.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from services.optimizer.app.services.screening.folded_text import decode_parts, fold, fold_letters

SHINGLE_WORDS = 3
# A run of so many words is borrowed. Two Korean syllables, two ideographs or kana are a word.
BORROWED_WORDS = 8
MIN_NAME_CHARACTERS = 4

# Scripts without spaces are read by the character.
_IDEOGRAPHS = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+")
_DENSE = re.compile(rf"[{_IDEOGRAPHS}\uac00-\ud7a3]")
_TOKEN = re.compile(r"\w+(?:\.\w+)*")
_INNER_CAPITAL = re.compile(r"[^\W\d_][A-Z]")

Shingle = tuple[str, ...]


def find_borrowed(candidate: str, *, evidence: Sequence[str], trusted: Sequence[str]) -> str:
    """Find the first words that a candidate has from the evidence and from nowhere else.

    Args:
        evidence: What users and models wrote; what base64 or hexadecimal in it says counts too.

    Returns:
        A name, or a run of words worth eight, each of which stands with its neighbours in a piece
        of three words that the evidence has and no trusted text; empty where there is none.
    """
    written = [candidate, *decode_parts(candidate)]
    brought = list(_with_decoded(evidence))
    names = {name for text in written for name in _names(text)}
    if foreign := names & _folded_tokens(brought, names) - _folded_tokens(trusted, names):
        return min(foreign)
    shingles = {shingle for text in written for shingle in _shingles(_words(text))}
    shingles = _shared_shingles(shingles, brought) - _shared_shingles(shingles, trusted)
    runs = (run for text in written for run in _covered_runs(_words(text), shingles))
    return next((" ".join(run) for run in runs if _weigh(run) >= BORROWED_WORDS), "")


def _with_decoded(texts: Iterable[str]) -> Iterator[str]:
    for text in dict.fromkeys(texts):
        yield text
        yield from decode_parts(text)


def _words(text: str) -> list[str]:
    return _WORD.findall(fold(text))


def _shingles(words: Sequence[str]) -> Iterator[Shingle]:
    return zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False)


def _shared_shingles(shingles: set[Shingle], texts: Iterable[str]) -> set[Shingle]:
    """Find the shingles that stand in any of the texts."""
    return {shingle for text in texts for shingle in shingles.intersection(_shingles(_words(text)))}


def _covered_runs(words: Sequence[str], shingles: set[Shingle]) -> Iterator[list[str]]:
    """Find unbroken runs of words that lie in one of the shingles."""
    run: list[str] = []
    covered_until = 0
    for place, word in enumerate(words):
        if tuple(words[place : place + SHINGLE_WORDS]) in shingles:
            covered_until = place + SHINGLE_WORDS
        if place < covered_until:
            run.append(word)
        elif run:
            yield run
            run = []
    yield run


def _weigh(run: Sequence[str]) -> float:
    """Count how many words a run is worth."""
    return sum(len(dense) / 2 if (dense := _DENSE.findall(word)) else 1 for word in run)


def _names(text: str) -> Iterator[str]:
    """Find tokens that look like a name: with a digit, an underscore, an inner stop or capital."""
    for token in _TOKEN.findall(fold_letters(text)):
        has_mark = any(character in "_." or character.isdigit() for character in token)
        if len(token) >= MIN_NAME_CHARACTERS and (has_mark or _INNER_CAPITAL.search(token)):
            yield token.casefold()


def _folded_tokens(texts: Iterable[str], wanted: set[str]) -> set[str]:
    """Find the wanted tokens that stand in the texts, written in any way."""
    if not wanted:
        return set()
    return {token for text in texts for token in wanted.intersection(_TOKEN.findall(fold(text)))}
