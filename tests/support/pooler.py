"""PgBouncer in transaction mode before a PostgreSQL server, as people run it."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from benchmarks.own_ports import take_port
from selfheal.runtime.ports import LOOPBACK
from selfheal.runtime.postgres.accounts import choose_account

START_SECONDS = 10
INI = """\
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = {listen}
listen_port = {own_port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {directory}/users.txt
pool_mode = transaction
logfile = {directory}/pgbouncer.log
"""
# Little patience, so that tests needn't have more. Two server connections: clients take turns.
DEFAULTS = {
    "default_pool_size": "2",
    "server_login_retry": "1",
    "query_wait_timeout": "10",
    "server_check_delay": "0",
}


def require_pgbouncer() -> str:
    """Find the program, or skip the test where it isn't installed."""
    program = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    if program is None:
        pytest.skip("pgbouncer isn't installed")
    return program


class Pooler:
    """One PgBouncer process, that can be stopped, killed and started again on the same port.

    Args:
        urls: The server's URLs, one for each user that may come in.
        settings: Settings of pgbouncer.ini beside the defaults here.
    """

    def __init__(self, program: str, directory: Path, *urls: str, **settings: str) -> None:
        self._program = program
        self._directory = directory
        self._account = choose_account(Path("/nonexistent"))
        self._child: subprocess.Popen[bytes] | None = None
        self.port = take_port()
        users = {unquote(part.username or ""): unquote(part.password or "")
                 for part in map(urlsplit, urls)}  # fmt: skip
        lines = "".join(f'"{user}" "{password}"\n' for user, password in users.items())
        (directory / "users.txt").write_text(lines)
        self._settings: Mapping[str, str] = DEFAULTS | settings
        self.lead_to(urls[0])

    def lead_to(self, url: str) -> None:
        """Name the server; one that runs must be reloaded or restarted to know."""
        parts = urlsplit(url)
        text = INI.format(
            host=parts.hostname, port=parts.port, listen=LOOPBACK, own_port=self.port,
            directory=self._directory,
        )  # fmt: skip
        for name, value in self._settings.items():
            text += f"{name} = {value.format(directory=self._directory)}\n"
        (self._directory / "pgbouncer.ini").write_text(text)

    def through(self, url: str) -> str:
        """Return the URL that goes through the pooler instead of straight to the server."""
        parts = urlsplit(url)
        return url.replace(f"{parts.hostname}:{parts.port}", f"{LOOPBACK}:{self.port}")

    @property
    def log(self) -> str:
        """What it logged."""
        return (self._directory / "pgbouncer.log").read_text()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        for path in (self._directory, *self._directory.iterdir()):
            self._account.own(path)
        self._child = subprocess.Popen(
            [self._program, "-q", str(self._directory / "pgbouncer.ini")],
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._account.popen_identity,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._child.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((LOOPBACK, self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"pgbouncer didn't start: {self.log}")

    def stop(self, number: int = signal.SIGINT) -> None:
        """End it: by SIGINT as an operator would, by SIGKILL as a crash would."""
        if self._child is not None:
            self._child.send_signal(number)
            try:
                self._child.wait(START_SECONDS)
            except subprocess.TimeoutExpired:  # SIGINT waits for what is under way
                self._child.kill()
                self._child.wait()
            self._child = None

    def restart(self, number: int = signal.SIGKILL) -> None:
        """End it and start it again."""
        self.stop(number)
        self.start()


@contextmanager
def pooling(*urls: str, files: Sequence[Path] = (), **settings: str) -> Iterator[Pooler]:
    """Run a pooler before the server of `urls`, or skip the test where there is none to run.

    `files` are copied into its directory, which settings name as `{directory}`.
    """
    program = require_pgbouncer()
    directory = Path(tempfile.mkdtemp(prefix="selfheal-pooler-"))
    for file in files:
        shutil.copy(file, directory)
    pooler = Pooler(program, directory, *urls, **settings)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.stop(signal.SIGKILL)
        shutil.rmtree(directory, ignore_errors=True)
