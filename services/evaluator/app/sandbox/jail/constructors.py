"""Reads values of some standard classes as the arguments of the call that makes them.

The types are exact, and read by what they had before any program could change it.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import PosixPath, PurePath, PurePosixPath
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

# Zones in which the offset is told by no code of a program's.
_ZONES: Final = frozenset(map(id, (timezone, ZoneInfo)))
_path_text = PurePath.__str__
_to_utc = datetime.astimezone


def _fields(kind: type, names: str) -> Callable[[Any], list[Any]]:
    getters = [getattr(kind, name).__get__ for name in names.split()]
    return lambda value: [get(value) for get in getters]


_DATE, _TIME = "year month day", "hour minute second microsecond"
_datetime_fields = _fields(datetime, f"{_DATE} {_TIME}")
_time_fields = _fields(time, _TIME)


def _read_datetime(value: datetime) -> list[Any] | None:
    """Return the fields, in UTC where a zone is known: these are equal where the instants are."""
    if value.tzinfo is None:
        return _datetime_fields(value)
    if id(type(value.tzinfo)) not in _ZONES:
        return None
    try:
        return [*_datetime_fields(_to_utc(value, UTC)), "UTC"]
    except OverflowError:
        return None


def _read_time(value: time) -> list[Any] | None:
    return _time_fields(value) if value.tzinfo is None else None


def _read_path(value: PurePath) -> list[Any] | None:
    text = _path_text(value)
    return [text] if type(text) is str else None


_uuid_number = _fields(UUID, "int")

READERS: Final[dict[int, tuple[str, Callable[[Any], list[Any] | None]]]] = {
    id(date): ("date", _fields(date, _DATE)),
    id(datetime): ("datetime", _read_datetime),
    id(time): ("time", _read_time),
    id(timedelta): ("timedelta", _fields(timedelta, "days seconds microseconds")),
    id(Decimal): ("Decimal", lambda value: [Decimal.__str__(value)]),
    id(Fraction): ("Fraction", _fields(Fraction, "_numerator _denominator")),
    id(UUID): ("UUID", lambda value: [f"{_uuid_number(value)[0]:032x}"]),
    id(PurePosixPath): ("PurePosixPath", _read_path),
    id(PosixPath): ("PurePosixPath", _read_path),
}
