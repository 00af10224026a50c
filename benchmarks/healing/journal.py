"""Keeps what a benchmark did, run by run, so that one that was cut short can go on."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class JournalError(Exception):
    """The journal is of other runs than those that are asked for."""


class Journal:
    """A file of one JSON object a line: what it is of, and then the runs by their titles.

    Args:
        file: Where; None to keep nothing.
        of: What decides the runs, such as model, extent and commit.
        resume: Whether to go on with the file that is there.

    Raises:
        JournalError: If the file is of something else, or is damaged in its midst.
        OSError: If it can't be read or written.
    """

    def __init__(self, file: Path | None, of: Sequence[str], *, resume: bool) -> None:
        self._file = file
        self._known: dict[str, Mapping[str, Any]] = {}
        if file is None:
            return
        if resume and file.exists():
            self._read(file, of)
        else:
            file.write_text(json.dumps({"of": list(of)}) + "\n", encoding="utf-8")

    def find(self, title: str) -> Mapping[str, Any] | None:
        """Return a run that was done before; None where it is still to do."""
        return self._known.get(title)

    def add(self, title: str, run: Mapping[str, Any]) -> None:
        """Keep a run."""
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({"title": title, "run": run}, ensure_ascii=False) + "\n")

    def _read(self, file: Path, of: Sequence[str]) -> None:
        text = file.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]  # a run that was cut short may have left half a line
        try:
            first, *rows = map(json.loads, whole.splitlines())
            if first["of"] != list(of):
                raise JournalError(f"{file} is of {first['of']}, not of {list(of)}")
            self._known = {row["title"]: row["run"] for row in rows}
        except (ValueError, KeyError) as error:
            raise JournalError(f"{file} is no journal ({type(error).__name__})") from error
        if whole != text:
            file.write_text(whole, encoding="utf-8")
