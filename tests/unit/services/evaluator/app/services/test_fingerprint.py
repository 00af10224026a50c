"""The fingerprint changes with whatever can change a score, and with nothing else."""

from pathlib import Path

import pytest

from services.evaluator.app.services import fingerprint
from services.evaluator.app.services.fingerprint import fingerprint_evaluator

PARTS = {"judge": "openai:a@1", "sandbox": "jail", "task_type": "abc"}
MODULES = [
    path for directory in fingerprint.JUDGING_DIRECTORIES for path in directory.rglob("*.py")
]


@pytest.fixture(autouse=True)
def forget_modules() -> None:
    fingerprint._digest_modules.cache_clear()


def test_it_is_the_same_for_the_same_parts() -> None:
    assert fingerprint_evaluator(**PARTS) == fingerprint_evaluator(**PARTS)
    assert len(fingerprint_evaluator(**PARTS)) == 16


@pytest.mark.parametrize(
    "change", [{"judge": "openai:a@2"}, {"sandbox": "none"}, {"task_type": "abd"}]
)
def test_it_follows_judge_sandbox_and_task_type(change: dict[str, str]) -> None:
    assert fingerprint_evaluator(**PARTS | change) != fingerprint_evaluator(**PARTS)


def test_parts_do_not_run_into_one_another() -> None:
    one = fingerprint_evaluator(judge="ab", sandbox="c", task_type="")
    assert one != fingerprint_evaluator(judge="a", sandbox="bc", task_type="")


@pytest.mark.parametrize("name", ["validators.py", "rubric.py", "scorer.py", "execution.py"])
def test_it_follows_every_module_that_judges(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint_evaluator(**PARTS)
    fingerprint._digest_modules.cache_clear()
    assert name in {path.name for path in MODULES}
    change_module(name, monkeypatch)
    assert fingerprint_evaluator(**PARTS) != before


def change_module(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + (b"#" if path.name == name else b"")
    )


@pytest.mark.parametrize("name", ["calibration.py", "canary.py"])
def test_what_judges_the_judge_changes_no_score(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint_evaluator(**PARTS)
    fingerprint._digest_modules.cache_clear()
    assert name in {path.name for path in MODULES}
    change_module(name, monkeypatch)
    assert fingerprint_evaluator(**PARTS) == before
