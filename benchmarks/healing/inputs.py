"""What users ask for: pools of requests, by what they are used for and by what a model can do."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.healing.intervals import Rate, rate_of
from benchmarks.healing.lane_database import TASK_TYPE
from benchmarks.healing.scenarios import DATA
from services.common.llm.simulated.knowledge import find_task
from services.common.task_types import load_golden_inputs

SIMULATED: Final = "simulated"
LOCAL: Final = "local"
MODELS: Final = (SIMULATED, LOCAL)


@dataclass(frozen=True, slots=True)
class Pools:
    """Requests.

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
    """The pools for a model: the local one gets only what is easy."""
    data = tomllib.loads(file.read_text(encoding="utf-8"))
    parts = ("easy",) if model == LOCAL else ("easy", "other")

    def collect(pool: str) -> tuple[str, ...]:
        return tuple(text for part in parts for text in data[pool][part])

    return Pools(
        live=collect("live"),
        held_out=collect("held_out"),
        hard=tuple(data["hard"][model]),
        flood=tuple(data["flood"]["texts"]),
    )


def count_known() -> dict[str, Rate]:
    """How many of the requests the simulated model has an answer for, by what they are used for."""
    pools = read_pools(SIMULATED)
    golden = load_golden_inputs(TASK_TYPE)
    texts = {
        "live": pools.live,
        "held out": pools.held_out,
        "golden": (*golden.choosing, *golden.verdict),
    }
    return {name: rate_of([find_task(text) is not None for text in texts[name]]) for name in texts}
