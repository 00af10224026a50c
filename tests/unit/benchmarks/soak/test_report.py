import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.soak.report import show

ROOT = Path(__file__).parents[4]
RESULTS: dict[str, Any] = {
    "date": "2026-11-28",
    "machine": "2 cores",
    "commit": "abc",
    "command": "python -m benchmarks.soak --hours 2",
    "options": {"rate": 3.0},
    "canary_steps": [0.1, 0.5, 1],
    "most_heals_a_day": 24,
    "seconds": 7200.0,
    "interrupted": False,
    "requests": {
        "sent": 30, "acknowledged": 29, "landed": 29, "refused": {"502 x_failed": 1}, "broken": {},
    },
    "deploys": [
        {
            "name": "hello", "at": 600.0, "bad_share": 0.0, "healed_seconds": 70.2,
            "healed_share": 1.0, "canary_seconds": 30.0, "is_over": True,
        },
        {
            "name": "worse", "at": 1200.0, "bad_share": None, "healed_seconds": None,
            "healed_share": None, "canary_seconds": 0.0, "is_over": True,
        },
    ],
    "restarts": [{"part": "worker", "how": "SIGKILL", "seconds": 2.0}],
    "samples": {"worker": [{"memory_mb": 88.5, "descriptors": 21, "threads": 5}]},
    "slopes": {
        "worker": {
            "memory_mb": {"per_hour": 1.5, "low": 0.5, "high": 2.5, "points": 90, "lives": 3},
            "descriptors": {"per_hour": None, "low": None, "high": None, "points": 0, "lives": 0},
            "threads": {"per_hour": None, "low": None, "high": None, "points": 0, "lives": 0},
        }
    },
    "growth": {"bytes_a_request": 4700.0},
    "checks": [
        {"name": "bad deploys healed", "measured": "1 of 2", "aim": "all", "verdict": "no",
         "sentence": "not healed before the next deploy: worse (no run)"},
        {"name": "requests lost", "measured": "0", "aim": "0", "verdict": "yes", "sentence": ""},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    "told",
    [
        "python -m benchmarks.soak --hours 2",
        "2.00 h, 3 requests a second: 30 sent, 29 acknowledged",
        "70 s",
        "not healed",
        "+1.50 (+0.50 to +2.50) MB/h",
        "unknown",
        "1 502 x_failed",
        "4700 bytes a request",
        "missed: not healed before the next deploy: worse (no run)",
    ],
)
def test_results_are_shown(told: str) -> None:
    output = io.StringIO()
    show(RESULTS, Console(file=output, width=200))
    assert told in output.getvalue()


def test_a_soak_that_was_ended_early_says_so() -> None:
    output = io.StringIO()
    show(RESULTS | {"interrupted": True, "growth": None}, Console(file=output, width=200))
    assert "ended early" in output.getvalue()


def test_the_run_on_record_is_shown_again_as_the_docs_tell_it() -> None:
    recorded = json.loads((ROOT / "benchmarks/soak/results/two_hours.json").read_text("utf-8"))
    show(recorded, Console(file=(shown := io.StringIO()), width=160))
    assert "21600 sent, 21547 acknowledged" in shown.getvalue()
    told = (ROOT / "docs/soak.md").read_text("utf-8")
    assert "of 21,600 sent | 21,547" in told
    assert [one["verdict"] for one in recorded["checks"]] == ["yes"] * len(recorded["checks"])
