"""Pairs of functions that undo each other: what one makes of a value, the other takes back."""

import re
from collections.abc import Iterator

# What undoes what; each is a part of a name between underscores.
OPPOSITES = (
    ("encode", "decode"),
    ("encrypt", "decrypt"),
    ("compress", "decompress"),
    ("serialize", "deserialize"),
    ("escape", "unescape"),
    ("pack", "unpack"),
    ("to", "from"),
)
CONVERSION = re.compile(r"([a-z]\w{0,40}?)_to_([a-z]\w{0,40})")
SAMPLES = ("hello", "aaabcc", "xyz")
SHIFT = 3
# Forms that have no way back, or for other things than texts.
NO_WAY_BACK = re.compile(r"hash|lossy|one[- ]way|md5|sha\d|tree|linked|image|json|binary", re.I)


def inverse_of(name: str, names: frozenset[str]) -> str:
    """The function among `names` that undoes another by its name; empty where there is none."""
    parts = name.split("_")
    for there, back in OPPOSITES:
        if there in parts:
            wanted = "_".join(back if part == there else part for part in parts)
            if wanted in names:
                return wanted
    if conversion := CONVERSION.fullmatch(name):
        wanted = f"{conversion[2]}_to_{conversion[1]}"
        return wanted if wanted in names else ""
    return ""


def round_trips(name: str, inverse: str, count: int) -> Iterator[tuple[str, str]]:
    """Expressions that go there and back, and the value that each must give back."""
    keys = {1: "", 2: f", {SHIFT}"}
    if count not in keys:
        return
    key = keys[count]
    for sample in SAMPLES:
        yield f"{inverse}({name}({sample!r}{key}){key})", sample


def is_about_texts(user_input: str) -> bool:
    """Whether a request is about texts that can be turned and turned back."""
    return (
        re.search(
            r"\b(?:string|text|message|run[- ]length|caesar|cipher)\b|문자열|암호", user_input, re.I
        )
        is not None
        and NO_WAY_BACK.search(user_input) is None
    )
