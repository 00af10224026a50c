"""JSONB as plain Python values, whatever texts they hold."""

import json
import sys
from typing import Any

import asyncpg

from services.common.text import make_storable


def encode_json(value: Any) -> str:
    """Write JSON that JSONB takes: NUL and lone surrogates are replaced.

    Raises:
        ValueError: If it holds NaN or an infinity.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    if "\\u0000" not in text:
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return json.dumps(make_storable(value), allow_nan=False, ensure_ascii=False)


def decode_json(text: str) -> Any:
    """Read JSON; an integer that is too long for Python to read stays the text that it is."""
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text, parse_int=_read_integer)


def _read_integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= sys.int_info.default_max_str_digits else digits


async def configure_connection(connection: asyncpg.Connection) -> None:
    """Let JSONB columns take and give plain Python values."""
    await connection.set_type_codec(
        "jsonb", encoder=encode_json, decoder=decode_json, schema="pg_catalog"
    )
