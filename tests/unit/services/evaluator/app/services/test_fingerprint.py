"""The fingerprint changes with whatever can change a score, and with nothing else."""

from pathlib import Path

import pytest

from services.evaluator.app.services import fingerprint
from services.evaluator.app.services.fingerprint import digest_code, fingerprint_evaluator

PARTS = {"judge": "openai:a@1", "sandbox": "jail", "task_type": "abc"}


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
    assert name in {path.name for path in fingerprint.judging_modules()}
    read = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda path, **how: read(path, **how) + "#" * (path.name == name)
    )
    assert fingerprint_evaluator(**PARTS) != before


def test_what_judges_the_judge_changes_no_score() -> None:
    names = {path.name for path in fingerprint.judging_modules()}
    assert "rubric.py" in names
    assert not {"canary.py", "canary_baselines.py", "labelled_set.py"} & names


MODULE = """import os
from a.b import (
    c,
    d,
)

def f(x):
    import json
    return c(x)
"""


@pytest.mark.parametrize(
    "other",
    [
        MODULE.replace("a.b", "a.rooms.b"),
        MODULE.replace("import os\n", "import os\nimport sys\n"),
        MODULE.replace("(\n    c,\n    d,\n)", "c, d"),
        MODULE.replace("    import json\n", ""),
    ],
)
def test_imports_change_nothing(other: str) -> None:
    assert digest_code([other]) == digest_code([MODULE])


def test_the_order_of_modules_changes_nothing() -> None:
    assert digest_code([MODULE, "x = 1"]) == digest_code(["x = 1", MODULE])


@pytest.mark.parametrize("change", [("c(x)", "d(x)"), ("def f", "def g"), ("return", "yield")])
def test_every_statement_counts(change: tuple[str, str]) -> None:
    assert digest_code([MODULE.replace(*change)]) != digest_code([MODULE])
