"""What is written down about a process that we start, and what it should be started with."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, TypeAdapter, ValidationError

from selfheal.runtime.ports import LOOPBACK
from selfheal.runtime.processes.identity import MAX_PROCESS_ID


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """How a process of the system is run.

    Args:
        name: Its name, unique in the system; also that of its log and record.
        command: Program and arguments; nothing secret, since every user can read it.
        environment: The variables that configure it, secrets included. Another value of any of
            them is another configuration, with which a running process is started anew.
        ready_url: URL that answers 200 when it can serve; empty where it answers no
            requests, and is ready once it has run for a moment.
        host: The address that it listens on, if any.
        port: The port it listens on, if any.
        port_setting: Name of the setting that moves the port.
        withheld: Variables that it must not inherit from us.
        is_optional: Whether the others run without it where it can't be started.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    ready_url: str = ""
    host: str = LOOPBACK
    port: int | None = None
    port_setting: str = ""
    withheld: frozenset[str] = frozenset()
    is_optional: bool = False

    @property
    def config_hash(self) -> str:
        """16 hexadecimal digits that stand for the command and its configuration."""
        content = json.dumps([self.command, sorted(self.environment.items())])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def address(self) -> str:
        """Host and port that it listens on; empty if it doesn't."""
        return urlsplit(self.ready_url).netloc

    def child_environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of the process.

        Args:
            inherited: What it gets from us (`PATH`, proxies, OpenTelemetry), unless withheld.
        """
        kept = {name: value for name, value in inherited.items() if name not in self.withheld}
        return {**kept, **self.environment}


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process that was started and not stopped since: it should be running.

    `was_ready` notes that it has served; `stopping`, that a command is stopping it.
    """

    name: str
    pid: Annotated[int, Field(gt=0, le=MAX_PROCESS_ID)]
    create_time: float
    command: tuple[str, ...]
    address: str
    ready_url: str
    started_at: str
    config_hash: str
    was_ready: bool = False
    stopping: bool = False

    def to_json(self) -> str:
        """Return the text of the record's file."""
        return json.dumps(asdict(self), indent=2) + "\n"


_RECORD = TypeAdapter(ProcessRecord)


def parse_record(text: str) -> ProcessRecord | None:
    """Read a record's file; None if it isn't one, as when an older version wrote it."""
    try:
        return _RECORD.validate_json(text, strict=True)
    except ValidationError:
        return None
