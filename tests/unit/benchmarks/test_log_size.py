"""The benchmark of the log's size: what it makes up is like the real thing, its figures add up."""

import io
import json

import pytest
from rich.console import Console

from benchmarks.log_filling import (
    FAILED_RULES,
    RULES,
    TEMPLATES,
    disk_needed_bytes,
    make_detail,
    make_templates,
)
from benchmarks.log_size import Figures, Look, Report, show, summarize
from services.common.evaluation_detail import read_detail
from services.common.task_types.registry import BUILT_IN_DIRECTORY as ROOT


def make_report(warm_maximum_ms: float) -> Report:
    return Report(
        rows=10_000_000,
        log_bytes=20 << 30,
        fill_seconds=900,
        machine="2 cores",
        measured_at="2026-11-26T01:00:00+00:00",
        looks={
            "cold": {"total": Figures(120.0, 200.0)},
            "warm": {"total": Figures(50.0, warm_maximum_ms)},
        },
        memory_mb={10_000: 54.2, 10_000_000: 54.4},
        inserts_ms={"failed answer": 0.2},
    )


def test_looks_are_summarized_by_part_and_in_all() -> None:
    looks = [Look(1.0, 2.0, 3.0), Look(3.0, 4.0, 5.0), Look(8.0, 1.0, 1.0)]
    figures = summarize(looks)
    assert figures["read the history"] == Figures(2.0, 4.0)
    assert figures["total"] == Figures(10.0, 12.0)


@pytest.mark.parametrize(("maximum_ms", "reached"), [(99.9, True), (100.0, False)])
def test_the_aim_is_for_the_slowest_look_at_a_warm_server(
    maximum_ms: float, *, reached: bool
) -> None:
    assert make_report(maximum_ms).reaches_aim is reached


def test_a_report_shows_all_that_was_measured() -> None:
    output = io.StringIO()
    show(make_report(60.0), Console(file=output, width=120))
    for part in ("10,000,000 rows (20.0 GB)", "120.0 / 200.0 ms", "50.0 / 60.0 ms", "54 MB"):
        assert part in output.getvalue()
    assert "aim of 100 ms, warm, reached" in output.getvalue()


@pytest.mark.parametrize("passed", [True, False])
def test_details_are_as_large_as_real_ones_and_read_alike(*, passed: bool) -> None:
    detail = make_detail(7, passed=passed)
    assert 2_500 < len(json.dumps(detail)) < 6_000
    assert set(read_detail(detail).failed_rules) == (set() if passed else FAILED_RULES)


def test_rules_are_those_that_the_evaluator_knows() -> None:
    known = (ROOT / "code_generation").rglob("*")
    text = "".join(path.read_text("utf-8") for path in known if path.suffix in {".toml", ".py"})
    assert [rule for rule in RULES if rule not in text] == []


def test_there_are_answers_of_both_kinds_to_many_requests() -> None:
    templates = list(make_templates())
    assert len({one.refined_input for one in templates}) == TEMPLATES
    assert sum(one.passed for one in templates) == TEMPLATES
    assert all((one.score >= 0.7) is one.passed for one in templates)


def test_the_disk_that_ten_million_rows_need_is_tens_of_gigabytes() -> None:
    assert 30 < disk_needed_bytes(10_000_000) / (1 << 30) < 50
    assert disk_needed_bytes(1_000) < 20 << 20
