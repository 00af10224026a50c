"""Secrets that are kept in a file: read, or generated the first time."""

import secrets
from pathlib import Path

from services.common.private_files import write_private

SECRET_BYTES = 32


def read_secret(path: Path) -> str | None:
    """Return the secret kept in `path`, or None if there is none yet."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def read_or_create_secret(path: Path) -> str:
    """Return the secret kept in `path`, generating it (URL-safe, 256 bits) the first time."""
    secret = read_secret(path)
    if secret is None:
        secret = secrets.token_urlsafe(SECRET_BYTES)
        write_private(path, secret + "\n")
    return secret
