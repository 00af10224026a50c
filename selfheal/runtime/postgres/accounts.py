"""Which account PostgreSQL runs under: it refuses root, so root needs an unprivileged one."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from selfheal.runtime.errors import PostgresError

PREFERRED_ACCOUNTS = ("postgres", "nobody")


class PopenIdentity(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that change the account of the child."""

    user: int
    group: int
    extra_groups: Sequence[int]


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the system, and whether a child has to be switched to it."""

    name: str
    user_id: int
    group_id: int
    switch: bool

    @property
    def popen_identity(self) -> PopenIdentity:
        """Arguments for `subprocess.Popen`; empty where the child keeps our account."""
        if not self.switch:
            return {}
        return {"user": self.user_id, "group": self.group_id, "extra_groups": ()}

    def own(self, path: Path | int) -> None:
        """Make a file, or an open descriptor, belong to this account."""
        if self.switch:
            os.chown(path, self.user_id, self.group_id)

    def runs(self, *command: str | Path) -> bool:
        """Tell whether a command succeeds as this account: the kernel's own answer on access."""
        try:
            completed = subprocess.run(  # noqa: S603 - no shell, our own commands
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                check=False,
                **self.popen_identity,
            )
        except OSError:  # not found, or not reachable for this account
            return False
        return completed.returncode == 0

    def can_enter(self, directory: Path) -> bool:
        """Tell whether this account can reach what lies in a directory."""
        return self.runs("/bin/sh", "-c", 'test -x "$1"', "sh", directory)


def choose_account(existing_data: Path) -> Account:
    """Choose the account that PostgreSQL runs under.

    An ordinary user runs it as themselves. For root, a cluster that exists keeps the account that
    owns it; a new one gets the first of `PREFERRED_ACCOUNTS` that this machine has.

    Args:
        existing_data: The data directory, whether or not it exists yet.

    Raises:
        PostgresError: If we are root and no unprivileged account is there to use, or have no name
            and would have to make a cluster.
    """
    if os.geteuid() != 0:
        if _name_of(os.geteuid()).isdigit() and not existing_data.exists():
            raise PostgresError(
                f"The user id {os.geteuid()} has no entry in /etc/passwd, and PostgreSQL makes a "
                "database only for a user who has.",
                remedy=f"Add one (as root: useradd --uid {os.geteuid()} selfheal), run as a user "
                "who has one, or set DATABASE_URL to a server of your own.",
            )
        return Account(_name_of(os.geteuid()), os.geteuid(), os.getegid(), switch=False)
    try:
        owner = existing_data.stat()
    except FileNotFoundError:
        owner = None
    if owner is not None and owner.st_uid != 0:
        return Account(_name_of(owner.st_uid), owner.st_uid, owner.st_gid, switch=True)
    for name in PREFERRED_ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid, switch=True)
    raise PostgresError(
        "PostgreSQL refuses to run as root, and this machine has no account "
        + " or ".join(PREFERRED_ACCOUNTS)
        + ".",
        remedy="Run selfheal as an ordinary user, or set DATABASE_URL to a server of your own.",
    )


def _name_of(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)
