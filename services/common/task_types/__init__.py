"""Task types that have a directory here: their golden inputs, and what good means for them.

A task type needs no directory to be served: any name with an active prompt will do. One that
has a directory is judged and replayed with what lies in it.
"""

import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent
GOLDEN_INPUTS_FILE = "golden_inputs.json"
REPAIRS_FILE = "repairs.toml"


@dataclass(frozen=True, slots=True)
class GoldenInputs:
    """Inputs that a good prompt must serve, in two fixed halves that are never mixed.

    `choosing` may be seen by whoever writes a candidate; `verdict` only by the gate.
    """

    choosing: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repairs:
    """What to tell a model when rules fail.

    `role` opens a prompt; `by_rule` has a sentence for each rule of the Evaluator.
    """

    role: str
    by_rule: dict[str, str]


GENERIC_REPAIRS = Repairs(
    role="You are a careful assistant. Do exactly what the user asks.",
    by_rule={
        "gives_an_answer": "Always answer the request itself; never refuse and never apologise.",
        "has_no_placeholder": "Leave no placeholder and no TODO.",
    },
)


def list_task_types() -> list[str]:
    """Names of the task types that have a directory, in alphabetical order."""
    return sorted(path.parent.name for path in ROOT.glob(f"*/{GOLDEN_INPUTS_FILE}"))


@cache
def load_golden_inputs(task_type: str) -> GoldenInputs:
    """The golden inputs of a task type; empty halves where it has no directory."""
    if task_type not in list_task_types():
        return GoldenInputs()
    halves = json.loads((ROOT / task_type / GOLDEN_INPUTS_FILE).read_text(encoding="utf-8"))
    return GoldenInputs(
        choosing=tuple(item["input"] for item in halves["choosing"]),
        verdict=tuple(item["input"] for item in halves["verdict"]),
    )


@cache
def load_repairs(task_type: str) -> Repairs:
    """The repair sentences of a task type; general ones where it has no directory."""
    if task_type not in list_task_types():
        return GENERIC_REPAIRS
    parsed = tomllib.loads((ROOT / task_type / REPAIRS_FILE).read_text(encoding="utf-8"))
    return Repairs(role=parsed["role"], by_rule=parsed["rules"])
