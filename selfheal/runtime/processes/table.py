"""The background processes of one runtime directory, by name."""

from collections.abc import Mapping
from pathlib import Path

from selfheal.runtime.processes.process import STOP_SECONDS, BackgroundProcess


class ProcessTable:
    """The processes that run in a runtime directory, or could."""

    def __init__(
        self,
        home: Path,
        *,
        working_directory: Path,
        inherited: Mapping[str, str],
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._home = home
        self._working_directory = working_directory
        self._inherited = dict(inherited)
        self._stop_seconds = stop_seconds
        self._processes: dict[str, BackgroundProcess] = {}

    def names(self) -> list[str]:
        """List the names of the processes that should be running."""
        return sorted(path.stem for path in (self._home / "run").glob("*.json"))

    def process(self, name: str) -> BackgroundProcess:
        """Return the process of that name, whether or not it was ever started."""
        if name not in self._processes:
            self._processes[name] = BackgroundProcess(
                name,
                self._home,
                working_directory=self._working_directory,
                inherited=self._inherited,
                stop_seconds=self._stop_seconds,
            )
        return self._processes[name]
