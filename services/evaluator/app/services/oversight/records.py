"""Reads and writes the JSON files about judges in SELFHEAL_HOME, whole or not at all."""

import json
from pathlib import Path
from typing import Any

from services.common.logging import get_logger
from services.common.private_files import write_private

MAX_FILE_BYTES = 1 << 20

log = get_logger()

Records = dict[str, dict[str, Any]]


def read_records(path: Path) -> Records:
    """Read the records by their key; none where there is no file.

    A damaged file counts as none, with a warning: what it held can be measured again, and no
    service should stay down over it.
    """
    try:
        with path.open(encoding="utf-8") as file:
            parsed = json.loads(file.read(MAX_FILE_BYTES))
        if not isinstance(parsed, dict):
            raise ValueError("it is no JSON object")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        log.warning("judge_records_unreadable", path=str(path), problem=str(error))
        return {}
    return {key: record for key, record in parsed.items() if isinstance(record, dict)}


def write_record(path: Path, key: str, record: dict[str, Any]) -> None:
    """Add or replace one record; a reader sees the old file or the new one, never a part.

    Raises:
        OSError: If the file can't be written.
    """
    records = {**read_records(path), key: record}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, json.dumps(records, indent=2, sort_keys=True) + "\n")
