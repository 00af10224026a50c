import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.healing.__main__ import judge, lay_out, main
from benchmarks.healing.benchmark import Outcome
from benchmarks.healing.inputs import LOCAL, SIMULATED
from benchmarks.healing.peers.comparison import ComparedRepair, Comparison
from benchmarks.healing.program import Selection
from benchmarks.healing.records import Measurement, RunRecord
from benchmarks.healing.reporting.origin import Machine, Origin
from benchmarks.healing.reporting.report import Report, show, show_unusual
from benchmarks.healing.scenarios import PromptScenario
from benchmarks.healing.selection import Choice

MakeRecord = Callable[..., RunRecord]
RESULTS = Path(__file__).parents[4] / "benchmarks/healing/results"
HEALED = {"promoting": 0, "calls": [40], "heal_seconds": [2.0], "after": 0.9, "looked_into": True}


def report_of(records: Sequence[RunRecord], *, model: str = "simulated") -> Report:
    good = Measurement(0.9, 1, 1, (True,))
    choice = Choice(PromptScenario("javascript", "another_language", "text"), good, "costs nothing")
    return Report(
        model=model,
        origin=Origin(
            command=("selfheal", "bench", "heal"),
            commit="0123456789ab",
            started_at=datetime(2026, 1, 2, tzinfo=UTC),
            seconds=61,
            machine=Machine(2, "a CPU", "3.11", "Linux"),
        ),
        selection=Selection(good, (choice,), (choice,)),
        records=records,
        comparison=Comparison("javascript", 120, [ComparedRepair("x", 0.9, 1.0, 3, 2.0, "well")]),
    )


def test_a_quick_run_is_judged_by_what_must_never_happen(make_record: MakeRecord) -> None:
    outcome = Outcome(report_of([make_record(seconds_to_serving=99.0, **HEALED)]), ())
    assert judge(outcome, is_quick=True) == 0
    assert judge(outcome, is_quick=False) == 1


def test_the_local_model_is_not_judged(make_record: MakeRecord) -> None:
    outcome = Outcome(report_of([make_record()], model="local"), ())
    assert judge(outcome, is_quick=False) == 0


def test_a_run_that_came_to_nothing_is_a_failure(make_record: MakeRecord) -> None:
    outcome = Outcome(report_of([make_record(**HEALED)]), ("x: OSError: gone",))
    assert judge(outcome, is_quick=True) == 1


def test_a_report_is_shown_and_written(make_record: MakeRecord) -> None:
    records = [make_record(**HEALED), make_record(group="control", mode="", **HEALED)]
    report = report_of(records)
    console = Console(width=120, record=True)
    show(report, console)
    show_unusual(report.records, console)
    text = console.export_text()
    assert "Figures to reach" in text
    assert "no: costs nothing" in text
    assert "2 runs in 1 min 1 s on 2 cores of a CPU" in text
    assert "javascript / seed 0: false heal" in text
    plain = report.as_json()
    assert plain["date"] == "2026-01-02T00:00:00+00:00"
    assert plain["command"] == "selfheal bench heal"
    assert len(plain["runs"]) == 2


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    assert "selfheal bench heal --model local" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "none"],
        ["--full", "--quick"],
        ["--seeds", "0"],
        ["--seeds", "x"],
        ["--json", str(Path("/nowhere/at/all.json"))],
        ["--only", "nonsense"],
    ],
)
def test_wrong_arguments_end_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2


@pytest.mark.parametrize("model", [SIMULATED, LOCAL])
def test_the_figures_of_recorded_runs_are_shown_again(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--read", str(RESULTS / f"{model}.json")]) == 0
    shown = capsys.readouterr().out
    assert "database_restart" in shown
    assert "repair sought" in shown


def test_the_figures_of_recorded_plays_are_shown_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--read", str(RESULTS / "noisy.json")]) == 0
    shown = capsys.readouterr().out
    assert "Harmful candidates" in shown
    assert re.search(r"^\d{3} plays in \d+ min", shown, re.M)


def test_a_report_is_written_a_run_a_line() -> None:
    report = {"model": "é", "runs": [{"a": [1, 2]}, {"b": None}], "aims": []}
    written = lay_out(report)
    assert json.loads(written) == report
    assert '  {"a": [1, 2]},\n  {"b": null}\n' in written


def test_what_can_not_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "runs.json").write_text("{}")
    for name in ("runs.json", "none.json"):
        assert main(["--read", str(tmp_path / name)]) == 1
