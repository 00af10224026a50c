"""Pools of users' requests, by what they are used for and by what a model can do."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.healing.scenarios import DATA

SIMULATED: Final = "simulated"
NOISY: Final = "noisy"
LOCAL: Final = "local"
MODELS: Final = (SIMULATED, NOISY, LOCAL)


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
    """Read the pools for a model: the local one gets only easy requests."""
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    parts = ("easy",) if model == LOCAL else ("easy", "other")

    def collect(pool: str) -> tuple[str, ...]:
        return tuple(text for part in parts for text in data[pool][part])

    return Pools(
        live=collect("live"),
        held_out=collect("held_out"),
        hard=tuple(data["hard"][LOCAL if model == LOCAL else SIMULATED]),
        flood=tuple(data["flood"]["texts"]),
    )
