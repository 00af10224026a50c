"""What differs between two texts, word by word, safe to show."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from services.common.presentation.visible_text import make_visible

MAX_CHARACTERS: Final = 100_000
# Pairs of lines, or of words, that are looked at: what is more counts as changed as a whole.
MAX_COMPARED: Final = 1_000_000
# Lines that share less than this of the shorter one are other lines, not changed ones.
LEAST_SHARED: Final = 0.4
WORD: Final = re.compile(r"\s+|\w+|[^\w\s]")

Kind = Literal["same", "removed", "added"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that both have, or one of them alone."""

    kind: Kind
    text: str


def compare_words(before: str, after: str) -> list[Piece]:
    """Return the stretches that two texts share and that were removed or added, in their order.

    Lines that are the same are set aside first. Texts are cut at 100,000 characters.
    """
    one, other = (make_visible(text[:MAX_CHARACTERS]) for text in (before, after))
    lines = (one.splitlines(keepends=True), other.splitlines(keepends=True))
    pieces: list[Piece] = []
    for kind, removed, added in _compare(*lines):
        if kind == "replace":
            pieces += _compare_within("".join(removed), "".join(added))
        else:
            pieces += _as_pieces(kind, removed, added)
    return _join(pieces)


def _compare_within(removed: str, added: str) -> Iterator[Piece]:
    """Compare what stands in place of each other; by words only if it has enough in common."""
    compared = list(_compare(WORD.findall(removed), WORD.findall(added)))
    shared = sum(len("".join(ours)) for kind, ours, _ in compared if kind == "equal")
    if shared < LEAST_SHARED * min(len(removed), len(added)):
        compared = [("replace", [removed], [added])]
    for kind, ours, theirs in compared:
        yield from _as_pieces(kind, ours, theirs)


def _compare(
    one: Sequence[str], other: Sequence[str]
) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    if len(one) * len(other) > MAX_COMPARED:
        yield "replace", one, other
        return
    matcher = difflib.SequenceMatcher(str.isspace, one, other)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        yield kind, one[start:end], other[other_start:other_end]


def _as_pieces(kind: str, removed: Sequence[str], added: Sequence[str]) -> Iterator[Piece]:
    if kind == "equal":
        yield Piece("same", "".join(added))
        return
    if removed:
        yield Piece("removed", "".join(removed))
    if added:
        yield Piece("added", "".join(added))


def _join(pieces: Sequence[Piece]) -> list[Piece]:
    """Join neighbours; what changed on both sides of a mere space is one change."""
    joined: list[Piece] = []
    changed: dict[Kind, str] = {"removed": "", "added": ""}

    def flush() -> None:
        joined.extend(Piece(kind, text) for kind, text in changed.items() if text)
        changed["removed"] = changed["added"] = ""

    for at, piece in enumerate(pieces):
        is_space = piece.text.isspace() and "\n" not in piece.text
        if piece.kind != "same":
            changed[piece.kind] += piece.text
        elif is_space and any(changed.values()) and at < len(pieces) - 1:
            for kind in changed:
                changed[kind] += piece.text
        else:
            flush()
            earlier = joined.pop().text if joined and joined[-1].kind == "same" else ""
            joined.append(Piece("same", earlier + piece.text))
    flush()
    return joined
