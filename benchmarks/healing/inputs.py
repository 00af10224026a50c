"""Pools of users' requests, by what they are used for and by what a model can do."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.healing.scenarios import DATA

SIMULATED: Final = "simulated"
NOISY: Final = "noisy"
LOCAL: Final = "local"
MODELS: Final = (SIMULATED, NOISY, LOCAL)
# The local model's few easy requests are asked for in so many ways, as users would: no bet of an
# incident is made on one and the same request twice, and users' requests don't run out. None names
# a language, which would undo what half of the regressions do.
WORDINGS: Final = (
    "Write a function {}.",
    "Please write a function {}.",
    "I need a function {}.",
    "Could you write a function {}?",
    "I want a function {}.",
    "Can you write a function {}?",
    "Give me a function {}.",
)


@dataclass(frozen=True, slots=True)
class Pools:
    """Requests, sorted by what they are used for.

    Attributes:
        live: Traffic that the model answers right under the seed prompt.
        held_out: What a prompt is measured on, and nothing else.
        hard: Traffic that the model answers wrong under any prompt.
        flood: Garbage.
    """

    live: tuple[str, ...]
    held_out: tuple[str, ...]
    hard: tuple[str, ...]
    flood: tuple[str, ...]


def read_pools(model: str, file: Path = DATA / "inputs.toml") -> Pools:
    """Read the pools for a model: the local one gets only easy requests, in several wordings."""
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    parts = ("easy",) if model == LOCAL else ("easy", "other")

    def collect(pool: str) -> tuple[str, ...]:
        return tuple(text for part in parts for text in data[pool][part])

    live = collect("live")
    return Pools(
        live=reword(live) if model == LOCAL else live,
        held_out=collect("held_out"),
        hard=tuple(data["hard"][LOCAL if model == LOCAL else SIMULATED]),
        flood=tuple(data["flood"]["texts"]),
    )


def reword(texts: Sequence[str]) -> tuple[str, ...]:
    """Word each request in all ways; they all begin as the first wording does."""
    start, end = WORDINGS[0].split("{}")
    wishes = [text.removeprefix(start).removesuffix(end) for text in texts]
    return tuple(wording.format(wish) for wording in WORDINGS for wish in wishes)
