"""Settings of what serves, and of what is kept, while the database is away."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from services.common.settings.process import ProcessSettings, in_small_letters

# Zero: not at all.
MaxAge = Annotated[float, Field(ge=0, le=86_400)]


class HomeSettings(ProcessSettings):
    """Settings of the directory in which this machine's files are kept."""

    selfheal_home: Path = Path(".selfheal")


class SpoolSettings(HomeSettings):
    """Settings of where rows are kept while the database is away."""

    log_when_away: Annotated[Literal["spool", "refuse"], in_small_letters] = "spool"
    spool_dir: Path | None = None
    spool_max_bytes: Annotated[int, Field(ge=1 << 20, le=1 << 40)] = 256 << 20

    @property
    def spool_directory(self) -> Path:
        """Where the spool is: SPOOL_DIR, else in SELFHEAL_HOME."""
        return self.spool_dir or self.selfheal_home / "spool"
