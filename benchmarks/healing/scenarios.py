"""Scenarios of things that go wrong or only look wrong: regressions, no-harm controls, faults."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parent / "data"
REGRESSIONS, CONTROLS, FAULTS = "regressions.toml", "controls.toml", "faults.toml"
# What a file calls each of its rows.
FILES: Final = {REGRESSIONS: "regression", CONTROLS: "control", FAULTS: "fault"}
REGRESSION_KINDS: Final = (
    "fixed_reply", "another_language", "prose_only", "signature_and_todo", "poisoned_demos",
    "truncation", "contradiction", "wrong_wrapper", "forbidden_construct", "off_topic_role",
    "leftover_of_another_task", "typo_storm", "over_long_prompt", "one_word_change",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PromptScenario:
    """A prompt that is deployed in place of the seed prompt."""

    name: str
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that fails while a good prompt serves.

    Attributes:
        name: Identifier.
        kind: What fails, in words.
        verdicts: The attributions that are right.
    """

    name: str
    kind: str
    verdicts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenarios:
    """All that the benchmark knows."""

    regressions: tuple[PromptScenario, ...]
    controls: tuple[PromptScenario, ...]
    faults: tuple[Fault, ...]

    def only(self, names: Sequence[str]) -> "Scenarios":
        """Keep the scenarios of those names; all where none is named."""
        if not names:
            return self
        return Scenarios(
            tuple(one for one in self.regressions if one.name in names),
            tuple(one for one in self.controls if one.name in names),
            tuple(one for one in self.faults if one.name in names),
        )


def list_names(directory: Path = DATA) -> list[str]:
    """List the names of all scenarios."""
    return [
        row["name"] for file, name in FILES.items() for row in _read_rows(directory / file, name)
    ]


def read_scenarios(seed_prompt: str, directory: Path = DATA) -> Scenarios:
    """Read all scenarios; most regressions are the seed prompt with an edit.

    Raises:
        ValueError: If an edit doesn't fit the seed prompt.
    """
    return Scenarios(
        regressions=_read_prompts(directory / REGRESSIONS, seed_prompt),
        controls=_read_prompts(directory / CONTROLS, seed_prompt),
        faults=tuple(
            Fault(row["name"], row["kind"], tuple(row["verdicts"]))
            for row in _read_rows(directory / FAULTS, FILES[FAULTS])
        ),
    )


def edit_prompt(row: Mapping[str, Any], seed_prompt: str) -> str:
    """Make the text of an entry: its own, or the seed prompt with the entry's edit.

    Raises:
        ValueError: If a piece that is to be swapped isn't in the seed prompt exactly once.
    """
    if "text" in row:
        return str(row["text"]).strip()
    text = seed_prompt
    for old, new in row.get("swaps", ()):
        if text.count(old) != 1:
            raise ValueError(f"{row['name']}: {old!r} isn't in the seed prompt exactly once")
        text = text.replace(old, new)
    times = row.get("repeats", 1)
    if "before" in row:
        text = "\n".join([*[row["before"].strip("\n")] * times, text])
    if "after" in row:
        text = "\n".join([text, *[row["after"].rstrip("\n")] * times])
    return text


def _read_prompts(file: Path, seed_prompt: str) -> tuple[PromptScenario, ...]:
    return tuple(
        PromptScenario(row["name"], row["kind"], edit_prompt(row, seed_prompt))
        for row in _read_rows(file, FILES[file.name])
    )


def _read_rows(file: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))[name]
    return rows
