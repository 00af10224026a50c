"""The steps of a migration: transactions, and statements that may not be in one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_BEGIN: Final = "BEGIN;"
_COMMIT: Final = "COMMIT;"
_COMMENT: Final = "--"
_BODY: Final = "$$"


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a migration that is done as a whole, or not at all.

    Attributes:
        is_transaction: Whether it is run in a transaction. Otherwise it is one statement, which
            begins transactions itself.
    """

    sql: str
    is_transaction: bool

    @property
    def title(self) -> str:
        """Its first line."""
        return self.sql.partition("\n")[0]


class UnfinishedStepError(Exception):
    """A file ends within a statement, or within a transaction."""

    def __init__(self, step: str) -> None:
        super().__init__(f"this isn't ended: {step}")


def split_steps(sql: str) -> Iterator[Step]:
    """Split an SQL file as `psql -f` runs it.

    The lines `BEGIN;` and `COMMIT;` are around what is one transaction. Outside of them each
    statement, up to a semicolon at the end of a line, is one by itself; a comment is a whole line.

    Raises:
        UnfinishedStepError: If the last one has no end.
    """
    lines: list[str] = []
    is_transaction = False
    for line in sql.splitlines():
        if line == _BEGIN:
            is_transaction = True
        elif line == _COMMIT:
            yield Step("\n".join(lines), is_transaction=True)
            lines, is_transaction = [], False
        elif is_transaction or (line.strip() and not line.startswith(_COMMENT)):
            lines.append(line)
            in_body = sum(one.count(_BODY) for one in lines) % 2
            if not is_transaction and not in_body and line.endswith(";"):
                yield Step("\n".join(lines), is_transaction=False)
                lines = []
    if is_transaction or lines:
        raise UnfinishedStepError(lines[0] if lines else _BEGIN)
