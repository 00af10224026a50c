import asyncio
import math
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import pytest
from pydantic import SecretStr

from services.common.database import Database
from services.common.errors import DatabaseUnavailableError, UnknownTaskTypeError
from services.common.models import Prompt
from services.common.schemas import TaskRequest
from services.worker.app.services import prompt_memory
from services.worker.app.services.arms import ActivePrompt, Rollout
from services.worker.app.services.prompt_memory import LoadedPrompt, PromptMemory

ID = UUID("11111111-2222-4333-8444-555555555555")
TOKEN = SecretStr("open sesame")


def make_prompt(task_type: str = "poetry", version: int = 1) -> Prompt:
    return Prompt(1, task_type, "text", version, True, None, "test", datetime.now(UTC))


def make_task(task_type: str = "poetry", **more: Any) -> TaskRequest:
    return TaskRequest(request_id=ID, task_type=task_type, refined_input="ask", **more)


class FakeDatabase:
    """What the loaders read, unless it is away."""

    def __init__(self) -> None:
        self.serving = {"poetry": make_prompt(), "letters": make_prompt("letters")}
        self.is_away = False
        self.rollout: Rollout | None = None
        self.held: asyncio.Event | None = None
        self.now = 1000.0

    def look(self) -> None:
        if self.is_away:
            raise DatabaseUnavailableError("away")

    async def load_active_prompt(self, _: Any, task_type: str) -> ActivePrompt:
        self.look()
        if task_type not in self.serving:
            raise UnknownTaskTypeError(task_type=task_type, known=list(self.serving))
        return ActivePrompt(self.serving[task_type], self.rollout)

    async def load_active_prompts(self, _: Any) -> list[Prompt]:
        self.look()
        read = list(self.serving.values())
        if self.held:
            await self.held.wait()
        return read

    async def load_candidate(self, *_: Any) -> str:
        self.look()
        return "a candidate"

    async def find_obstacle(self) -> str:
        return "It is away." if self.is_away else ""


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> FakeDatabase:
    fake = FakeDatabase()
    for name in ("load_active_prompt", "load_active_prompts", "load_candidate"):
        monkeypatch.setattr(prompt_memory, name, getattr(fake, name))
    return fake


@pytest.fixture
def memory(database: FakeDatabase) -> PromptMemory:
    return PromptMemory(cast(Database, database), max_age_seconds=60, clock=lambda: database.now)


async def load(memory: PromptMemory, *task: Any, **more: Any) -> LoadedPrompt:
    return await memory.load(make_task(*task, **more), "open sesame", TOKEN)


async def test_what_was_read_last_serves_and_tells_its_age(
    memory: PromptMemory, database: FakeDatabase
) -> None:
    assert await load(memory) == LoadedPrompt(database.serving["poetry"])
    database.is_away = True
    for later, age in [(0.9, 0), (0.2, 1), (58.8, 59)]:
        database.now += later
        assert await load(memory) == LoadedPrompt(database.serving["poetry"], age)
        assert await memory.find_obstacle() == ""
        assert memory.recall_versions() == {"poetry": 1}
    database.now += 0.2
    with pytest.raises(DatabaseUnavailableError):
        await load(memory)
    assert await memory.find_obstacle() == "It is away."
    assert memory.recall_versions() == {}
    database.is_away = False
    assert (await load(memory)).age_seconds is None


async def test_one_that_nobody_asked_for_serves_by_the_refresh(
    memory: PromptMemory, database: FakeDatabase
) -> None:
    assert math.isnan(memory.age_seconds)
    await memory.refresh()
    database.now += 7
    database.is_away = True
    assert memory.age_seconds == 7
    assert (await load(memory, "letters")).age_seconds == 7
    with pytest.raises(DatabaseUnavailableError):
        await load(memory, "never seen")
    with pytest.raises(DatabaseUnavailableError):
        await memory.refresh()


async def test_what_no_longer_serves_is_forgotten_at_once(
    memory: PromptMemory, database: FakeDatabase
) -> None:
    await memory.refresh()
    database.serving.clear()
    with pytest.raises(UnknownTaskTypeError):
        await load(memory)
    database.is_away = True
    with pytest.raises(DatabaseUnavailableError):
        await load(memory)
    assert (await load(memory, "letters")).age_seconds == 0
    database.is_away = False
    await memory.refresh()
    database.is_away = True
    with pytest.raises(DatabaseUnavailableError):
        await load(memory, "letters")


async def test_a_refresh_that_was_slow_brings_nothing_old_back(
    memory: PromptMemory, database: FakeDatabase
) -> None:
    database.held = asyncio.Event()
    refreshing = asyncio.create_task(memory.refresh())
    await asyncio.sleep(0)
    database.now += 1
    database.serving["poetry"] = make_prompt(version=2)
    database.serving["new"] = make_prompt("new")
    await load(memory)
    await load(memory, "new")
    database.held.set()
    await refreshing
    database.is_away = True
    assert (await load(memory)).prompt.version == 2
    assert (await load(memory, "new")).prompt.task_type == "new"


async def test_a_candidate_is_never_served_from_memory(
    memory: PromptMemory, database: FakeDatabase
) -> None:
    assert (await load(memory, candidate_id=ID)).prompt.content == "a candidate"
    database.is_away = True
    assert (await load(memory)).prompt.content == "text"
    with pytest.raises(DatabaseUnavailableError):
        await load(memory, candidate_id=ID)


async def test_a_rollout_takes_part_in_live_tasks_and_no_others(
    memory: PromptMemory, database: FakeDatabase
) -> None:
    serving = database.serving["poetry"]
    database.rollout = Rollout(ID, ID, serving.digest, "rolled out", 7, share=1)
    loaded = await load(memory)
    assert (loaded.prompt.content, loaded.prompt.version) == ("rolled out", 7)
    assert loaded.assignment is not None
    assert loaded.headers["x-selfheal-rollout"] == f"{ID}/candidate"
    for more in ({"purpose": "replay"}, {"purpose": "trial"}):
        assert await load(memory, **more) == LoadedPrompt(serving)
    assert (await load(memory, candidate_id=ID)).prompt.content == "a candidate"
    database.is_away = True
    assert await load(memory) == LoadedPrompt(serving, 0)


async def test_the_unit_of_a_task_is_its_own_request_unless_it_names_one(
    memory: PromptMemory, database: FakeDatabase
) -> None:
    database.rollout = Rollout(ID, ID, database.serving["poetry"].digest, "rolled out", 7, share=0)
    alone, same = await load(memory), await load(memory, unit=str(ID))
    shared = await load(memory, unit="somebody")
    assert alone == same
    assert alone.prompt == database.serving["poetry"]
    assert alone.assignment
    assert shared.assignment
    assert alone.assignment.arm == "incumbent"
    assert alone.assignment.unit != shared.assignment.unit


async def test_an_error_says_of_which_arm_it_is(
    memory: PromptMemory, database: FakeDatabase
) -> None:
    database.rollout = Rollout(ID, ID, database.serving["poetry"].digest, "rolled out", 7, share=1)
    with pytest.raises(DatabaseUnavailableError) as failure, (await load(memory)).told_in_errors():
        raise DatabaseUnavailableError("away")
    assert failure.value.headers["x-selfheal-rollout"] == f"{ID}/candidate"


async def test_with_no_age_allowed_nothing_serves_from_memory(database: FakeDatabase) -> None:
    memory = PromptMemory(cast(Database, database), max_age_seconds=0, clock=lambda: database.now)
    await load(memory)
    database.is_away = True
    with pytest.raises(DatabaseUnavailableError):
        await load(memory)
    assert await memory.find_obstacle()


async def test_it_refreshes_by_itself_until_it_is_closed(
    memory: PromptMemory, database: FakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt_memory, "REFRESH_SECONDS", 0)
    database.is_away = True
    memory.start()
    await asyncio.sleep(0)
    database.is_away = False
    async with asyncio.timeout(30):
        while math.isnan(memory.age_seconds):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
    await memory.close()
