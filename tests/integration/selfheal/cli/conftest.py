"""The command line on the session's database, and runs for it to tell of."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from selfheal.cli import optimize, prompts, proposals, reports
from selfheal.cli.main import app
from services.common.config import Settings
from services.common.database import configure_connection
from services.common.models import Prompt
from services.common.record.healing_runs import (
    HealingRun,
    Repair,
    propose,
    record_run,
    register_candidate,
)
from services.optimizer.app.services.prompt_patcher import promote

Connection = asyncpg.Connection
Answer = TypeVar("Answer")

WIDTH = 200
GOOD = "You write Python.\nAnswer with one function."
DETAIL: dict[str, Any] = {
    "summary": "Everything fails.",
    "verdict": {"strategy": "last_good_version", "incumbent_mean": 0.36, "candidate_mean": 0.86},
}


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consoles read their width when they are made, which may have been in another test."""
    for module in (optimize, prompts, proposals, reports):
        for name in ("output", "messages"):
            console = getattr(module, name, None)
            if isinstance(console, Console):
                monkeypatch.setattr(console, "_width", WIDTH)


class Operator:
    """Types commands, and does behind them what the Optimizer does."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url

    def selfheal(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env={"COLUMNS": str(WIDTH)})

    def json(self, *arguments: str) -> Any:
        done = self.selfheal(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    def do(self, action: Callable[[Connection], Awaitable[Answer]]) -> Answer:
        async def connect_and_do() -> Answer:
            connection = await asyncpg.connect(self._database_url)
            await configure_connection(connection)
            try:
                return await action(connection)
            finally:
                await connection.close()

        return asyncio.run(connect_and_do())

    def sql(self, statement: str, *values: object) -> Any:
        return self.do(lambda connection: connection.fetchval(statement, *values))

    def serving(self, task_type: str = "code_generation") -> Prompt:
        statement = "SELECT * FROM prompts WHERE task_type = $1 AND is_active"
        record = self.do(lambda connection: connection.fetchrow(statement, task_type))
        return Prompt(**record)

    def deploy(self, content: str, *, task_type: str = "code_generation") -> Prompt:
        self.sql("UPDATE prompts SET is_active = FALSE WHERE task_type = $1", task_type)
        self.sql(
            "INSERT INTO prompts (task_type, content, version) VALUES ($1, $2, 99)",
            task_type,
            content,
        )
        return self.serving(task_type)

    def run(self, decision: str, *, content: str = GOOD, task_type: str = "code_generation") -> str:
        """A run of the Optimizer on what serves now; gives its id."""
        incumbent = self.serving(task_type)

        async def act(connection: Connection) -> str:
            candidate_id = await register_candidate(
                connection, incumbent, content=content, strategy="reflection"
            )
            run = HealingRun(incumbent, decision, "better", "prompt", DETAIL, "test", candidate_id)
            if decision == "proposed":
                return str(await propose(connection, run))
            if decision == "promoted":
                await promote(connection, run, Repair(candidate_id, content, "why", 50.0))
                return str(
                    await connection.fetchval(
                        "SELECT id FROM selfheal.healing_runs WHERE candidate_id = $1", candidate_id
                    )
                )
            return str(await record_run(connection, run))

        return self.do(act)


@pytest.fixture
def operator(
    database_url: str, make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> Operator:
    """An operator whose settings name the session's database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    return Operator(database_url)
