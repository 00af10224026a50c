"""What the system asks of each of its parts, and of its database."""

from pathlib import Path
from typing import Protocol

from selfheal.runtime.states import ProcessStatus
from selfheal.runtime.waiting import Interrupted, Progress


class Part(Protocol):
    """A part of the system: the database, or one of the processes."""

    @property
    def name(self) -> str:
        """Its name, unique in the system."""

    @property
    def log_file(self) -> Path:
        """The file that its log is written to."""

    @property
    def exit_code(self) -> int | None:
        """The exit status of its process; None where it runs, or that isn't known."""

    def status(self) -> ProcessStatus:
        """Tell what it is doing."""

    def is_running(self) -> bool:
        """Tell whether its process is there, ready or not; always, if it isn't ours to watch."""

    def was_asked_to_stop(self) -> bool:
        """Tell whether it was stopped in order, when it doesn't run."""

    def stop(self) -> bool:
        """Stop it if it is ours; tell whether it ran."""


class DatabaseServer(Part, Protocol):
    """The database as the system sees it: our embedded one, or the operator's own."""

    @property
    def database_url(self) -> str:
        """The connection URL, with the credentials in it."""

    @property
    def client_variables(self) -> dict[str, str]:
        """The environment variables with which psql connects."""

    def start(self, *, interrupted: Interrupted, progress: Progress) -> bool:
        """Have it ready to serve; tell whether it was started by this call."""

    def destroy(self) -> None:
        """Stop it and remove its data, if it is ours."""
