"""A standby of an embedded PostgreSQL server, made by its own programs, that can be promoted."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.own_ports import take_port
from selfheal.runtime.postgres.accounts import choose_account
from selfheal.runtime.postgres.binaries import find_binaries
from selfheal.runtime.postgres.postmaster import find_postmaster
from selfheal.runtime.postgres.programs import PostgresPrograms
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.waiting import wait_until

SECONDS = 60
PASSWORD_FILES = "*-password"


class Standby:
    """A server that follows another one until it is promoted.

    Attributes:
        server: Its URLs, its address and `stop`; it has the passwords of the server it follows.
    """

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.server = server
        self._child: subprocess.Popen[bytes] | None = None

    def copy(self, primary: EmbeddedPostgres) -> None:
        """Copy a running server, as it is now, to follow it from there."""
        target, account = self.server, choose_account(primary.storage.data)
        target.directory.mkdir(parents=True)
        target.directory.chmod(0o711)
        for file in primary.directory.glob(PASSWORD_FILES):
            shutil.copy2(file, target.directory / file.name)
        binaries = target.storage.prepare(account, find_binaries())
        data = target.storage.new_directory(account)
        address = primary.address
        subprocess.run(
            [
                find_binaries().program("pg_basebackup"),
                *("--pgdata", data, "--write-recovery-conf", "--checkpoint", "fast"),
                *("--wal-method", "stream", "--host", address.host),
                *("--port", str(address.port), "--username", address.user, "--no-password"),
            ],
            env={"PGPASSWORD": address.password, "PGSSLMODE": "disable"},
            check=True,
            timeout=SECONDS,
            capture_output=True,
        )
        for path in data.rglob("*"):
            account.own(path)
        data.rename(target.storage.data)
        self._programs = PostgresPrograms(binaries, account, target.log_file)

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        server = self.server
        self._child = self._programs.serve(
            server.storage.data.resolve(), port=server.port, settings={"fsync": "off"}
        )
        assert wait_until(server._answers, timeout_seconds=SECONDS), server.log_file.read_text()

    def promote(self) -> None:
        """Make it a server of its own, that takes writes."""
        (signal_file := self.server.storage.data / "promote").touch()
        running = find_postmaster(self.server.storage.data)
        assert running is not None
        running.process.send_signal(signal.SIGUSR1)
        data = self.server.storage.data
        assert wait_until(
            lambda: not (signal_file.exists() or (data / "standby.signal").exists()),
            timeout_seconds=SECONDS,
        )

    def stop_server(self) -> None:
        """Stop it; its data stay."""
        self.server.stop()
        if self._child is not None:
            self._child.wait()

    def remove(self) -> None:
        """Stop it and remove all of it."""
        self.stop_server()
        self.server.storage.remove()


@contextmanager
def standing_by(primary: EmbeddedPostgres) -> Iterator[Standby]:
    """Run a standby of a server that runs, on a free port, for as long as a test takes."""
    directory = Path(tempfile.mkdtemp(prefix="selfheal-standby-"))
    directory.chmod(0o711)
    standby = Standby(EmbeddedPostgres(directory / "home", port=take_port(), schema=primary.schema))
    try:
        standby.copy(primary)
        standby.start()
        yield standby
    finally:
        standby.remove()
        shutil.rmtree(directory, ignore_errors=True)
