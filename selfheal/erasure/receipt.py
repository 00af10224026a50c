"""What an erasure tells: what was removed where, what is left, and what it can't reach."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# What keeps texts outside, by a name for scripts.
NOT_REACHED: Final = {
    "backups": "Copies of the database, its write-ahead log and its replicas' lag, and earlier "
    "versions of golden inputs (Git): what they hold goes when they do. PostgreSQL itself keeps "
    "old versions of rows until it vacuums.",
    "providers": "Whoever runs the models that were asked, judges and analysts among them.",
    "traces": "What OpenTelemetry was sent, and what it was sent on to.",
    "exports": "Files that were written by exports, such as selfheal logs export, and messages of "
    "NOTIFY_WEBHOOK_URL.",
    "logs": "Logs of your applications, proxies and of the services themselves.",
    "spools": "Rows that wait on the disks of Managers elsewhere: they land with their texts. Run "
    "it there as well, or again once their database was back.",
    "guide_route": "Requests at /api/v1/request, which name no end user: name them by --request.",
    "outlived": "What was made of requests that were removed before, or whose texts were, by "
    "LOG_RETENTION_DAYS, BODY_RETENTION_DAYS or by hand: nobody can tell any more what they said.",
    "later": "What is asked while this runs or afterwards, and what was said in other words.",
}


@dataclass(slots=True)
class Receipt:
    """What became of a person's texts.

    Attributes:
        person: The hash that stands for the person.
        removed: Rows, records and files that lost texts, by where they are.
        left: What holds texts still and takes a person to change, in sentences.
    """

    person: str
    spool: Path
    removed: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)

    def as_json(self, *, is_erased: bool) -> dict[str, object]:
        """Give it for a script."""
        return {
            "person": self.person,
            "erased": is_erased,
            "removed": dict(self.removed),
            "left": self.left,
            "spool": str(self.spool),
            "not_reached": NOT_REACHED,
        }
