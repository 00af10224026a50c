from pathlib import Path

import pytest

from benchmarks.healing.journal import Journal, JournalError

OF = ("local", "full")


def test_a_run_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    Journal(file, OF, resume=True).add("one", {"seed": 1})
    with file.open("a", encoding="utf-8") as lines:
        lines.write('{"title": "tw')
    journal = Journal(file, OF, resume=True)
    assert journal.find("one") == {"seed": 1}
    assert journal.find("tw") is None
    journal.add("two", {"seed": 2})
    assert Journal(file, OF, resume=True).find("two") == {"seed": 2}


def test_without_being_asked_it_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    Journal(file, OF, resume=False).add("one", {})
    assert Journal(file, OF, resume=False).find("one") is None


def test_other_runs_are_not_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "runs"
    Journal(file, OF, resume=False)
    with pytest.raises(JournalError, match="is of"):
        Journal(file, ("noisy", "full"), resume=True)
    file.write_text("what\n", encoding="utf-8")
    with pytest.raises(JournalError, match="no journal"):
        Journal(file, OF, resume=True)


def test_nothing_is_kept_without_a_file() -> None:
    journal = Journal(None, OF, resume=False)
    journal.add("one", {})
    assert journal.find("one") is None
