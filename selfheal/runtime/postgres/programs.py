"""Running PostgreSQL's own programs as the account they must run under, logging to our file."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selfheal.runtime.errors import PostgresError
from selfheal.runtime.logs import open_log, read_tail
from selfheal.runtime.ports import LOOPBACK
from selfheal.runtime.postgres.accounts import Account
from selfheal.runtime.postgres.binaries import PostgresBinaries
from selfheal.runtime.postgres.database import SUPERUSER
from selfheal.runtime.waiting import Interrupted, never, wait_until

PROGRAM_TIMEOUT_SECONDS: Final = 120.0

# Written into postgresql.conf when the cluster is made, so that an operator may change them there.
LAPTOP_SETTINGS: Final[Mapping[str, str]] = {
    "shared_buffers": "64MB",
    "max_connections": "50",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Given at every start, so that no file can weaken them.
_FIXED_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "logging_collector": "off",
    "log_destination": "stderr",
}
_ENVIRONMENT: Final[Mapping[str, str]] = {"PATH": os.defpath, "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """The programs of one installation, for one account, writing to one log."""

    binaries: PostgresBinaries
    account: Account
    log_file: Path

    def initialise(self, data: Path, password: str, interrupted: Interrupted) -> None:
        """Make a cluster in an empty directory of the account.

        The password goes through a pipe: it is in no file, on no command line and in no log.

        Raises:
            PostgresError: If initdb fails.
            InterruptedStartError: If `interrupted` said so; initdb has ended by then.
        """
        self._run_to_end(
            [
                *("initdb", "--pgdata", str(data), "--no-instructions"),
                *("--username", SUPERUSER, "--pwfile", "/dev/stdin"),
                *("--auth-host", "scram-sha-256", "--auth-local", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                *(f"--set={name}={value}" for name, value in LAPTOP_SETTINGS.items()),
            ],
            standard_input=password,
            interrupted=interrupted,
        )

    def serve(
        self, data: Path, *, port: int, settings: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        """Start the server in a session of its own; it outlives us unless it is stopped."""
        command = ["postgres", "-D", str(data)]
        for name, value in {**settings, **_FIXED_SETTINGS, "port": str(port)}.items():
            command += ["-c", f"{name}={value}"]
        return self._launch(command, stdin=subprocess.DEVNULL)

    def run_single_user(self, data: Path, statement: str = "") -> None:
        """Recover, run one statement without opening a port, and shut down cleanly.

        Raises:
            PostgresError: If the server can't do so.
        """
        self._run_to_end(
            ["postgres", "--single", "-D", str(data), "postgres"], standard_input=statement
        )

    def _run_to_end(
        self,
        command: list[str],
        *,
        standard_input: str,
        interrupted: Interrupted = never,
    ) -> None:
        child = self._launch(command, stdin=_pipe_with(standard_input, self.account))
        try:
            wait_until(
                lambda: child.poll() is not None,
                timeout_seconds=PROGRAM_TIMEOUT_SECONDS,
                interrupted=interrupted,
            )
        finally:
            if child.poll() is None:
                # initdb removes what it made when it is asked to end
                child.terminate()
            exit_code = child.wait()
        if exit_code != 0:
            raise PostgresError(
                f"PostgreSQL's `{command[0]}` failed.",
                remedy=f"The reason is in {self.log_file}.",
                log_tail=read_tail(self.log_file),
            )

    def _launch(self, command: list[str], *, stdin: int) -> "subprocess.Popen[bytes]":
        program = str(self.binaries.program(command[0]))
        log = open_log(self.log_file)
        try:
            return subprocess.Popen(  # noqa: S603 - no shell, our own commands
                [program, *command[1:]],
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd="/",
                env=dict(_ENVIRONMENT),
                start_new_session=True,
                **self.account.popen_identity,
            )
        except OSError as error:
            raise PostgresError(
                f"Can't run {program}: {error}.", remedy="See what `selfheal doctor` says."
            ) from error
        finally:
            os.close(log)
            if stdin >= 0:
                os.close(stdin)


def _pipe_with(text: str, account: Account) -> int:
    """Return the reading end of a pipe that holds a line, readable for the account.

    initdb opens `/dev/stdin` by name, so the pipe itself must belong to whom it runs as.
    """
    reading_end, writing_end = os.pipe()
    account.own(reading_end)
    os.write(writing_end, text.encode() + b"\n")
    os.close(writing_end)
    return reading_end
