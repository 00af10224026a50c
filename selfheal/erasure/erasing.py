"""Erases a person's texts: from the database in batches, from the spool, and tells what is left."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from selfheal.erasure import statements
from selfheal.erasure.golden_inputs import erase_from_golden_inputs
from selfheal.erasure.receipt import Receipt
from selfheal.erasure.spooled import erase_from_spool
from selfheal.erasure.texts import PersonsTexts
from selfheal.runtime.waiting import Progress
from services.common.record.leases import Connect, Lease
from services.common.record.people import acting
from services.common.task_types.reading import GOLDEN_INPUTS_FILE

BATCH_ROWS: Final = 500
LEASE_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 1.0
# Of a statement that goes through a whole table.
STATEMENT_SECONDS: Final = 600.0
# Work of the Optimizer's that has texts in its hands, and writes of them at its end.
LEASES: Final = ("heal", "canary")


class _UndoneError(Exception):
    """Ends the transaction of a dry run."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose texts are meant.

    Attributes:
        names: What the person may be stored as; the first, a hash, stands for the person in the
            audit and in the receipt.
        request_ids: Further requests that are the person's.
    """

    names: Sequence[str]
    request_ids: Sequence[UUID] = ()

    def asked(self, request_id: UUID, conversation: Mapping[str, Any]) -> bool:
        """Tell whether a row that hasn't landed is the person's."""
        parameters = conversation.get("parameters") or {}
        named = (
            conversation.get("end_user"),
            *(parameters.get(name) for name in ("user", "safety_identifier")),
        )
        return request_id in self.request_ids or any(name in self.names for name in named if name)


@dataclass(frozen=True, slots=True)
class Eraser:
    """Erases a person's texts; what was cut off goes on where it is run again.

    Attributes:
        connect: Opens connections beside its own, to renew leases.
        operator: Whom the audit names.
        is_dry: Do all that, and leave all as it was.
        salt: What the digests that stand in place of the person's are made with.
    """

    connection: asyncpg.Connection
    connect: Connect
    operator: str
    progress: Progress
    is_dry: bool = False
    salt: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    async def erase(self, person: Person, *, spool: Path, golden: Path) -> Receipt:
        """Erase, first from the spool: what lands meanwhile is erased from the database.

        Args:
            spool: The directory of the spool.
            golden: That of the operator's task types, whose golden inputs are looked through.

        Raises:
            LeaseLostError: If the database was away for so long that a heal may have begun.
        """
        receipt = Receipt(person.names[0], spool)
        found, receipt.left = await erase_from_spool(
            self.connection, spool, person.asked, is_dry=self.is_dry
        )
        receipt.removed["spool"] = found
        rows = await self.connection.fetch(
            statements.SELECT_ROWS, person.names, person.request_ids, timeout=STATEMENT_SECONDS
        )
        ids = [row["id"] for row in rows]
        task_types = sorted({row["task_type"] for row in rows if row["task_type"]})
        await self._tell("erasing", receipt.person, {"task_types": task_types})
        async with self._alone(task_types) as leases:
            for start in range(0, len(ids), BATCH_ROWS):
                batch = ids[start : start + BATCH_ROWS]
                with suppress(_UndoneError):
                    async with acting(self.connection, self.operator):
                        for lease in leases:
                            await lease.require(self.connection)
                        await self._erase_batch(batch, receipt, golden)
                        if self.is_dry:
                            raise _UndoneError
                self.progress(f"{start + len(batch):,} of {len(ids):,} rows")
        receipt.left = list(dict.fromkeys(receipt.left))
        await self._tell("erase", receipt.person, {"removed": dict(receipt.removed)})
        return receipt

    async def _tell(self, action: str, name: str, what: dict[str, Any]) -> None:
        """Have it in the audit that, and by whom, without the person's name."""
        if not self.is_dry:
            async with acting(self.connection, self.operator):
                await self.connection.execute(statements.TELL, action, f"person {name}", what)

    @asynccontextmanager
    async def _alone(self, task_types: Sequence[str]) -> AsyncIterator[list[Lease]]:
        """Keep the Optimizers from working on these task types: none writes back what it read."""
        holder = f"erase {uuid4().hex}"
        names = [f"{work} {task_type}" for task_type in task_types for work in LEASES]
        leases = [] if self.is_dry else [Lease(name, holder, LEASE_SECONDS) for name in names]
        async with AsyncExitStack() as stack:
            for lease in leases:
                while not await stack.enter_async_context(
                    lease.holding(self.connection, self.connect)
                ):
                    self.progress(f"waits until another work is done: {lease.name}")
                    await asyncio.sleep(PAUSE_SECONDS)
            yield leases

    async def _erase_batch(self, ids: Sequence[int], receipt: Receipt, golden: Path) -> None:
        """Erase what was made of some rows, and then the rows: whoever comes back finds both."""
        await self.connection.execute(statements.ALLOW)
        for statement in statements.LOCK:
            await self.connection.execute(statement, ids, timeout=STATEMENT_SECONDS)
        read = await self.connection.fetch(statements.READ, ids, timeout=STATEMENT_SECONDS)
        rows = [dict(record) for record in read]
        prompts = await self.connection.fetch(statements.SELECT_PROMPTS)
        texts = PersonsTexts(one["content"] for one in prompts if one["serves"])
        for row in rows:
            older = [one["content"] for one in prompts if one["created_at"] < row["created_at"]]
            texts.add(row, older)
        for table, columns in statements.DERIVED.items():
            changed = await self._scrub(table, columns, texts)
            receipt.removed[table] += len(changed)
            if table == "selfheal.candidates":
                await self.connection.execute(statements.CLOSE_PROPOSALS, changed)
        called = {one["content"]: one["called"] for one in prompts if one["serves"]}
        receipt.left += [
            f"{called[content]}, holds a text of theirs: it serves, and stays, and so do the rows "
            f"that say it ({len(ids)}). Let another serve, then run this again."
            for content, ids in texts.left.items()
        ]
        taken, left = erase_from_golden_inputs(golden, texts, is_dry=self.is_dry)
        receipt.removed[GOLDEN_INPUTS_FILE] += taken
        receipt.left += left
        stay = {key for ids in texts.left.values() for key in ids}
        await self._blank([row for row in rows if row["id"] not in stay], texts, receipt)

    async def _blank(
        self, rows: Sequence[Mapping[str, Any]], texts: PersonsTexts, receipt: Receipt
    ) -> None:
        ids = [row["id"] for row in rows]
        await self.connection.execute(statements.BLANK, ids, timeout=STATEMENT_SECONDS)
        receipt.removed["execution_logs"] += len(ids)
        talked = sum(row["messages"] is not None for row in rows)
        receipt.removed["selfheal.conversations"] += talked
        asked = [str(row["request_id"]) for row in rows]
        for place, statement, *values in (
            ("selfheal.idempotent_calls", statements.FORGET_CALLS, asked),
            ("selfheal.rollout_answers", statements.HIDE_UNITS, ids, self.salt),
            ("selfheal.wager_inputs", statements.HIDE_DIGESTS, list(texts.digests)),
        ):
            status = await self.connection.execute(statement, *values, timeout=STATEMENT_SECONDS)
            receipt.removed[place] += int(status.split()[-1])

    async def _scrub(self, table: str, columns: Sequence[str], texts: PersonsTexts) -> list[Any]:
        """Take texts out of a table that was made of rows; returns the ids of those changed."""
        select = f"SELECT id, {', '.join(columns)} FROM {table}"
        places = ", ".join(f"{column} = ${n}" for n, column in enumerate(columns, 2))

        def clean(record: asyncpg.Record) -> list[Any]:
            return [texts.erase_from(record[name], name) for name in columns]

        found = [
            record["id"]
            async for record in self.connection.cursor(f"{select} ORDER BY id", prefetch=100)
            if clean(record) != list(record)[1:]
        ]
        changed = []
        for key in found:
            # Read anew: somebody may have written it meanwhile, or removed it.
            for record in await self.connection.fetch(f"{select} WHERE id = $1 FOR UPDATE", key):
                await self.connection.execute(
                    f"UPDATE {table} SET {places} WHERE id = $1", key, *clean(record)
                )
                changed.append(key)
        return changed
