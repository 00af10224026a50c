"""Where PostgreSQL's files lie: in `.selfheal`, or aside when its account can't get in there."""

import contextlib
import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from selfheal.runtime.errors import StorageError
from selfheal.runtime.postgres.accounts import Account
from selfheal.runtime.postgres.binaries import PostgresBinaries

ELSEWHERE = Path("/var/lib/selfheal")
_UNFINISHED = "unfinished-"


@dataclass(frozen=True, slots=True)
class PostgresStorage:
    """Where the files of one cluster lie; `<home>/postgres` is or links to the place.

    Args:
        home: The runtime's directory (`.selfheal`), absolute.
        elsewhere: Where files go that the account couldn't reach in `home`. Parent directories
            are never opened up for it.
    """

    home: Path
    elsewhere: Path = ELSEWHERE

    @property
    def entrance(self) -> Path:
        """The path under which the files are always found: a directory, or a link to one."""
        return self.home / "postgres"

    @property
    def data(self) -> Path:
        """The data directory, which exists once the cluster was initialised."""
        return self.entrance / "data"

    @property
    def aside(self) -> Path:
        """The directory used instead of `home`, one for each home."""
        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return self.elsewhere / name

    @property
    def holds_cluster(self) -> bool:
        """Whether a database cluster lies here."""
        return self._version_file.exists()

    @property
    def _version_file(self) -> Path:
        return self.data / "PG_VERSION"

    def prepare(self, account: Account, binaries: PostgresBinaries) -> PostgresBinaries:
        """Make the storage's directory, and see to it that the account can run the binaries.

        Returns:
            The binaries to use: the wheel's own, or a copy that the account can reach.

        Raises:
            StorageError: If the storage there belongs to another place, or can't be made.
        """
        try:
            self._make_directory(account)
            if account.runs(binaries.program("initdb"), "--version"):
                return binaries
            copy = binaries.copy_below(self.entrance.resolve())
        except OSError as error:
            raise StorageError(
                f"Can't prepare {self.entrance}: {error}.",
                remedy="Run as the user who owns it, or set SELFHEAL_HOME to another directory.",
            ) from error
        if not account.runs(copy.program("initdb"), "--version"):
            raise StorageError(
                f"The account {account.name} can run PostgreSQL's programs neither from "
                f"{binaries.programs} nor from {copy.programs}.",
                remedy="See what `selfheal doctor` says, or set DATABASE_URL to your own server.",
            )
        return copy

    def new_directory(self, account: Account) -> Path:
        """Make an empty directory for a cluster to be initialised in, removing failed attempts."""
        storage = self.entrance.resolve()
        for leftover in storage.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        directory = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=storage))
        account.own(directory)
        return directory

    def check_version(self, binaries: PostgresBinaries) -> None:
        """Check that the binaries can read the cluster.

        Raises:
            StorageError: If another version made it.
        """
        made_with = self._version_file.read_text(encoding="utf-8").strip()
        if made_with != binaries.major_version:
            raise StorageError(
                f"The data in {self.data} were made by PostgreSQL {made_with}; "
                f"the one installed is {binaries.major_version}.",
                remedy="Install the older wheel again to read them, or run `selfheal reset` to "
                "begin with an empty database.",
            )

    def remove(self) -> None:
        """Remove the cluster's files, wherever they lie."""
        if self.entrance.is_symlink():
            target = self.entrance.readlink()
            self.entrance.unlink()
            if target == self.aside:
                shutil.rmtree(target, ignore_errors=True)
                with contextlib.suppress(OSError):  # other homes may have their files there
                    self.elsewhere.rmdir()
        elif self.entrance.exists():
            shutil.rmtree(self.entrance)

    def _make_directory(self, account: Account) -> None:
        mode = 0o711 if account.switch else 0o700
        _make(self.home, mode)
        if self.entrance.is_symlink():
            self._check_link()
            self._make_aside()
        elif self.entrance.exists():
            self._check_directory(account)
        elif account.can_enter(self.home):
            _make(self.entrance, mode)
        else:
            self._make_aside()
            self.entrance.symlink_to(self.aside)

    def _make_aside(self) -> None:
        _make(self.elsewhere, 0o755)
        _make(self.aside, 0o711)

    def _check_link(self) -> None:
        target = self.entrance.readlink()
        if target != self.aside:
            raise StorageError(
                f"{self.entrance} leads to {target}, which is the database of another directory: "
                "this one was copied or moved.",
                remedy=f"Move it back to keep that data, or remove the link {self.entrance} "
                "to begin with an empty database.",
            )

    def _check_directory(self, account: Account) -> None:
        if not account.can_enter(self.entrance):
            raise StorageError(
                f"The account {account.name}, which PostgreSQL runs under, can't reach "
                f"{self.entrance}.",
                remedy="Move the directory back to where it was made, or run `selfheal reset` "
                "to begin with an empty database.",
            )


def _make(directory: Path, mode: int) -> None:
    """Make a directory of exactly this mode; one that exists keeps its own."""
    if directory.is_dir():
        return
    directory.mkdir(parents=True)
    directory.chmod(mode)
