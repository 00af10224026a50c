import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from benchmarks.healing.journal import Journal
from benchmarks.healing.noisy.incident import Incident
from benchmarks.healing.noisy.plays import RESTART
from benchmarks.healing.noisy.program import QUICK, NoisyProgram
from benchmarks.healing.progress import Teller
from services.common.config import OptimizerSettings
from services.common.task_types import open_task_types


class StubDatabase:
    async def seed_prompt(self) -> str:
        task_type = open_task_types(None).find("code_generation")
        assert task_type
        return task_type.prompt


async def test_a_journal_that_can_not_be_written_ends_no_play(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def run(_: Incident) -> Any:
        return SimpleNamespace(as_json=dict)

    monkeypatch.setattr(Incident, "run", run)
    file = tmp_path / "gone" / "journal"
    file.parent.mkdir()
    journal = Journal(file, (), resume=False)
    file.unlink()
    file.parent.rmdir()
    lane: Any = SimpleNamespace(database=StubDatabase(), settings=OptimizerSettings())
    teller = Teller(Console(file=io.StringIO()), None)
    program = NoisyProgram([lane], replace(QUICK, models=2), teller, journal, only=(RESTART,))
    report = await program.run(())
    assert len(report.plays) == len(program.failures) == 2
    assert all("FileNotFoundError" in failure for failure in program.failures)
