"""The database through `docker compose exec -T postgres psql`, for where no driver reaches it."""

import subprocess

from grading.errors import DatabaseStatementError, DatabaseUnavailableError

TIMEOUT_SECONDS = 60.0


class ComposeDatabase:
    """psql in the container of the service `postgres` of the project in the current folder."""

    def __init__(self, *, user: str, name: str) -> None:
        self._user = user
        self._name = name

    @property
    def description(self) -> str:
        """Describe the database for the report."""
        return f"docker compose exec postgres psql -U {self._user} -d {self._name}"

    def execute(self, script: str) -> None:
        """Run statements, all of them or none."""
        self._psql(script, "--single-transaction")

    def fetch_text(self, query: str) -> str:
        """Run a query of one row and one column, and return its text."""
        return self._psql(query).rstrip("\n")

    def close(self) -> None:
        """Do nothing: no connection is held."""

    def _psql(self, script: str, *options: str) -> str:
        command = (
            *("docker", "compose", "exec", "-T", "postgres"),
            *("psql", "-U", self._user, "-d", self._name),
            *("-qAtX", "-v", "ON_ERROR_STOP=1", *options, "-f", "-"),
        )
        try:
            done = subprocess.run(
                command,
                input=script.encode(),
                capture_output=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _unavailable(type(error).__name__) from error
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode == 0:
            return done.stdout.decode(errors="replace")
        last = said.splitlines()[-1] if said else f"exit code {done.returncode}"
        if "ERROR:" in said:
            raise DatabaseStatementError(
                f"The database refuses a statement: {last}.",
                remedy="Compare its tables with the guide's schema.",
            )
        raise _unavailable(last)


def _unavailable(reason: str) -> DatabaseUnavailableError:
    return DatabaseUnavailableError(
        f"psql in the container of `postgres` can't be used: {reason}.",
        remedy="Start it (docker compose up -d postgres), or install the driver: "
        "python -m pip install -r scripts/requirements.txt",
    )
