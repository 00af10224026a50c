"""Records of runs to be judged."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.healing.records import NaiveResult, RunRecord

MakeRecord = Callable[..., RunRecord]


@pytest.fixture
def make_record() -> MakeRecord:
    """Makes a record of a regression with a good prompt at 0.9 and a bad one at 0.4."""

    def make(**changes: Any) -> RunRecord:
        values: dict[str, Any] = {
            "group": "regression",
            "scenario": "javascript",
            "kind": "another_language",
            "mode": "with history",
            "seed": 0,
            "verdicts": ("prompt",),
            "good": 0.9,
            "before": 0.4,
            "naive": NaiveResult(triggered=True, after=0.5),
        }
        return RunRecord(**(values | changes))

    return make
