"""A person whose texts got into all that is kept, by the code that keeps it."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from selfheal.erasure.erasing import Eraser, Person
from selfheal.erasure.receipt import Receipt
from services.common.database import connect
from services.common.personal.names import list_stored_names
from services.common.record.assignment import Assignment
from services.common.settings.door import DoorSettings
from services.manager.app.door.conversation import (
    Answer,
    make_conversation,
    make_execution,
    name_unit,
)
from services.manager.app.door.request import read_chat_request
from services.manager.app.log.rows import Row, insert_row
from services.manager.app.scoring.sampling import Mark

Connection = asyncpg.Connection
KEY = SecretStr("a key of 256 bits, let us say so")
TASK_TYPE = "code_generation"


class Town:
    """People who ask at the door, and the operator who erases them."""

    def __init__(self, connection: Connection, database_url: str, folder: Path) -> None:
        self.connection = connection
        self.spool = folder / "spool"
        self.golden = folder / "task_types"
        self._url = database_url

    def make_row(
        self, text: str, end_user: str = "ann", *, settings: DoorSettings | None = None, **body: Any
    ) -> Row:
        """Make the rows of a request at the door, as the Manager does."""
        settings = settings or DoorSettings(end_user_key=KEY)
        asked = {
            "model": TASK_TYPE,
            "messages": [
                {"role": "system", "content": "The application's own words."},
                {"role": "user", "content": text},
            ],
            "selfheal": {"end_user": end_user, "session_id": f"s {text}", "tags": [text]},
            **body,
        }
        request = read_chat_request(json.dumps(asked).encode())
        answer = Answer(
            prompt_id=1,
            prompt_version=1,
            provider="openai",
            model="gpt-x",
            choices=[{"index": 0, "message": {"role": "assistant", "content": f"Re: {text}"}}],
            usage={"prompt_tokens": 7, "completion_tokens": 5},
            duration_ms=40,
            assignment=Assignment(str(uuid4()), "incumbent", name_unit(request, KEY)[:16]),
            error_message=f"worker_failed: it said {text}",
            detail={
                "execution": {"status": "ran", "output": text, "observations": [{"ran": text}]},
                "judge": {"name": "gpt-j", "score": 0.5, "reason": f"asked for {text}"},
                "rules": [{"name": "parses", "outcome": "failed", "reason": text}],
                "evaluator": {"fingerprint": "f1"},
            },
        )
        conversation, _ = make_conversation(request, answer, settings)
        execution = make_execution(uuid4(), request, answer)
        execution.evaluation_score, execution.evaluation_passed = 0.5, False
        return Row(execution, conversation, Mark(True, 1.0, 1.0))

    async def ask(self, text: str, end_user: str = "ann", **more: Any) -> UUID:
        """Have somebody ask; gives the request's id."""
        row = self.make_row(text, end_user, **more)
        await insert_row(self.connection, row)
        return row.execution.request_id

    async def erase(
        self, end_user: str = "ann", *request_ids: UUID, is_dry: bool = False
    ) -> Receipt:
        eraser = Eraser(self.connection, self.connect, "cli:op", lambda _: None, is_dry=is_dry)
        person = self.person(end_user, *request_ids)
        return await eraser.erase(person, spool=self.spool, golden=self.golden)

    def person(self, end_user: str, *request_ids: UUID) -> Person:
        return Person(list_stored_names(end_user, KEY), request_ids)

    @property
    def connect(self) -> Callable[[], AbstractAsyncContextManager[Connection]]:
        return partial(connect, self._url, timeout_seconds=5)

    async def find(self, marker: str) -> set[str]:
        """Find a text in every column of every table, whatever tables there are."""
        columns = await self.connection.fetch(
            """
            SELECT format('%I.%I', table_schema, table_name), column_name, data_type
            FROM information_schema.columns JOIN information_schema.tables
                USING (table_schema, table_name)
            WHERE table_schema IN ('public', 'selfheal') AND table_type = 'BASE TABLE'
            """
        )
        assert len(columns) > 200
        found = set()
        for place, name, kind in columns:
            text = f"encode({name}, 'escape')" if kind == "bytea" else f"{name}::text"
            if await self.connection.fetchval(
                f"SELECT EXISTS (SELECT FROM {place} WHERE strpos({text}, $1) > 0)", marker
            ):
                found.add(f"{place}.{name}".removeprefix("public."))
        return found


@pytest.fixture
def town(connection: Connection, database_url: str, tmp_path: Path) -> Town:
    return Town(connection, database_url, tmp_path)
