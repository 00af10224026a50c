"""A canary under way, for a person on call: what it waits for, and what its arms came to."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rich.console import Console
from support.rows import for_each

from selfheal.display.report.rollout import render_canary, tell_wait
from services.common.record.rollouts.arms import ArmFigures
from services.common.record.rollouts.rollout import Rollout

ID = UUID("3f2c9a71-0000-4000-8000-000000000001")
THEN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
ROLLOUT = Rollout(
    *(ID, "code_generation", 7, "d", ID, "text", 100, (0.1, 0.5, 1.0), 0, 0.1),
    *(ID, THEN, THEN, None, None, "", None, {}),
)


def shown(**values: Any) -> dict[str, Any]:
    """What a look left on record of the step."""
    step = {"live_pairs": 0, "replays": 0, **values.pop("step", {})}
    guards = {"canary_refuses": 0.4}
    fields = {"margin": 0.05, "alpha": 0.02, "guard_alpha": 0.02 / 3, "no_worse": 0.5, "worse": 0.5}
    return {**fields, "guards": guards, "figures": [step], **values}


def printed(parts: Iterable[Any]) -> str:
    console = Console(width=200, record=True, file=None)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return " ".join(captured.get().split())


def test_what_a_canary_waits_for_is_said() -> None:
    rows: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
        "paused": ({"share": 0.0}, shown(), "you"),
        "no look yet": ({}, {}, "Optimizer"),
        "no pair": ({}, shown(), "scored answers on both arms"),
        "more pairs": ({}, shown(step={"live_pairs": 12}), "more pairs"),
        "replays are pairs": ({}, shown(step={"replays": 4}), "more pairs"),
        "a person": ({}, shown(no_worse=50.0, step={"live_pairs": 9}), "OPTIMIZER_MODE"),
        "a damaged row": ({}, {"figures": "?", "alpha": "?"}, "Optimizer"),
    }

    def check(row: tuple[dict[str, Any], dict[str, Any], str]) -> None:
        changes, told, expected = row
        assert expected in tell_wait(replace(ROLLOUT, detail={"shown": told}, **changes))

    for_each(rows, check)


def test_a_person_on_call_sees_arms_evidence_and_commands() -> None:
    told = shown(no_worse=12.34, worse=0.2, step={"live_pairs": 12, "live_gain": 0.01})
    arms = [ArmFigures("candidate", 120, 100, 91, 0.874), ArmFigures("incumbent", 9, 0, 0, None)]
    text = printed(render_canary(replace(ROLLOUT, detail={"shown": told}), arms))
    for expected in (
        "candidate 120 100 91 % 0.874",
        "incumbent 9 0 - -",
        "towards the next step: 12.3 of 50",
        "towards an abort: worse 0.2 of 50, canary refuses 0.4 of 150",
        "selfheal canary promote 3f2c9a71",
        "selfheal canary pause 3f2c9a71",
        "selfheal canary abort 3f2c9a71",
    ):
        assert expected in text, text


def test_one_that_ended_has_no_commands() -> None:
    ended = replace(ROLLOUT, ended_at=THEN, outcome="aborted", detail={"shown": shown()})
    text = printed(render_canary(ended, []))
    assert "waits for" not in text
    assert "selfheal canary" not in text
