"""Connections to PostgreSQL, straight or through a pooler: errors are translated once."""

from services.common.database.connecting import (
    APPLICATION_NAME,
    Opener,
    ServerTraits,
    close_connection,
    connect,
    connection_arguments,
)
from services.common.database.failures import (
    CONNECTION_ERRORS,
    choose_remedy,
    translate_database_errors,
)
from services.common.database.jsonb import configure_connection, decode_json, encode_json
from services.common.database.lending import Database

__all__ = [
    "APPLICATION_NAME",
    "CONNECTION_ERRORS",
    "Database",
    "Opener",
    "ServerTraits",
    "choose_remedy",
    "close_connection",
    "configure_connection",
    "connect",
    "connection_arguments",
    "decode_json",
    "encode_json",
    "translate_database_errors",
]
