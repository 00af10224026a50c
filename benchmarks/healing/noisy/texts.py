"""Reads the noisy model's data: mixtures, the words that matter, prompts whose worth is known."""

import random
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from benchmarks.healing.noisy.model import ANYBODY, Mixture, NoisyModel, Phrase
from benchmarks.healing.scenarios import DATA
from services.common.task_types import open_task_types
from simulated_model.knowledge import find_task

FILE: Final = DATA / "noisy.toml"
CHOOSING, PROVING, ONE, OTHER, ALL = "choosing", "proving", "one", "other", "all"
LEAST_IDLE, MOST_IDLE = 2, 4


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All that the file says."""

    mixtures: Mapping[str, Mixture]
    needs: tuple[Phrase, ...]
    own_need: Phrase
    idle: tuple[str, ...]
    harms: Mapping[str, Phrase]
    mediocre: Phrase
    lures: Mapping[str, Phrase]
    tastes: tuple[Phrase, ...]

    def make_model(self, mixture: str, seed: int, *, heeds_own: bool = False) -> NoisyModel:
        """Make a model; one that heeds words of its own is worse without them."""
        return NoisyModel(
            self.mixtures[mixture],
            seed,
            (*self.needs, *([self.own_need] if heeds_own else [])),
            (*self.harms.values(), self.mediocre, *self.lures.values(), *self.tastes),
            find_group,
        )

    def write_ties(self, prompt: str, count: int, chance: random.Random) -> list[str]:
        """Write texts that are as good as a prompt: it, with sentences that do nothing."""
        return [
            "\n".join([prompt, *chance.sample(self.idle, chance.randint(LEAST_IDLE, MOST_IDLE))])
            for _ in range(count)
        ]


@cache
def read_lexicon(file: Path = FILE) -> Lexicon:
    """Read the file."""
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    return Lexicon(
        mixtures={row["name"]: Mixture(**row) for row in data["mixture"]},
        needs=_phrases(data["need"]),
        own_need=_phrase(data["own_need"]),
        idle=tuple(data["idle"]["texts"]),
        harms=_by_name(data["harm"]),
        mediocre=_phrase(data["mediocre"]),
        lures=_by_name(data["lure"]),
        tastes=_phrases(data["taste"]),
    )


@cache
def find_group(request: str) -> str:
    """Find the group of an input: a half of the golden ones, or a half of the users."""
    golden = open_task_types(None).golden_inputs("code_generation")
    if request in golden.choosing:
        return CHOOSING
    if request in golden.verdict:
        return PROVING
    task = find_task(request)
    return ONE if sum((task.name if task else request).encode()) % 2 else OTHER


def add(prompt: str, *phrases: Phrase) -> str:
    """Write a prompt with phrases at its end."""
    return "\n".join([prompt, *(one.words for one in phrases)])


def _phrases(rows: Sequence[Mapping[str, Any]]) -> tuple[Phrase, ...]:
    return tuple(map(_phrase, rows))


def _by_name(rows: Sequence[Mapping[str, Any]]) -> dict[str, Phrase]:
    return {row["name"]: _phrase(row) for row in rows}


def _phrase(row: Mapping[str, Any]) -> Phrase:
    effects = {ANYBODY if name == ALL else name: value for name, value in row["effects"].items()}
    return Phrase(row["words"], effects)
