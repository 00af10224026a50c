"""Small files that only their owner may read, written whole or not at all."""

import os
import secrets
from pathlib import Path

SECRET_BYTES = 32


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 so that a reader sees the old or the new text, never a part."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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


def make_home(home: Path) -> None:
    """Make the runtime's directory, closed to others; one that exists keeps its mode.

    Root's may be passed through, though not listed, by the account that PostgreSQL runs under.
    """
    try:
        home.mkdir(parents=True)
    except FileExistsError:
        if home.is_dir():  # made by another command, perhaps this very moment
            return
        raise
    home.chmod(0o711 if os.geteuid() == 0 else 0o700)
