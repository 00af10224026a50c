"""Serves the prompts that were read last, for as long as they may, while the database is away."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

import asyncpg
from pydantic import SecretStr

from services.common.database import Database
from services.common.errors import (
    DatabaseUnavailableError,
    ServiceError,
    UnknownTaskTypeError,
)
from services.common.internal_token import require_internal_token
from services.common.models import Prompt
from services.common.record.assignment import Assignment
from services.common.resilience.background import Background
from services.common.schemas import ChatTask, TaskRequest
from services.worker.app.services.arms import Rollout, assign
from services.worker.app.services.prompt_loader import (
    load_active_prompt,
    load_active_prompts,
    load_candidate,
)

# So often all are read, for those that nobody asks for before the database goes away.
REFRESH_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class LoadedPrompt:
    """A prompt that leads an answer.

    Attributes:
        prompt: On a rollout's candidate arm with the candidate's text and its reserved version.
        age_seconds: None for one that was read just now.
        assignment: The arm, while a rollout is open.
    """

    prompt: Prompt
    age_seconds: int | None = None
    assignment: Assignment | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What is told of the arm, of an answer and of a failure alike."""
        return self.assignment.headers if self.assignment else {}

    @contextmanager
    def told_in_errors(self) -> Iterator[None]:
        """Tell of the arm in errors as well: what a text makes fail is its doing, too."""
        try:
            yield
        except ServiceError as error:
            error.headers = error.headers | self.headers
            raise


@dataclass(frozen=True, slots=True)
class _Read:
    prompt: Prompt
    asked_at: float


class PromptMemory(Background):
    """Reads prompts on every request, and keeps them in mind for when they can't be read.

    Args:
        max_age_seconds: How long the last one that was read serves; 0: not at all.
        clock: Gives seconds that only grow.
    """

    def __init__(
        self,
        database: Database,
        *,
        max_age_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._max_age_seconds = max_age_seconds
        self._clock = clock
        self._known: dict[str, _Read] = {}
        self._all_asked_at = math.nan

    @property
    def age_seconds(self) -> float:
        """How long ago all were read last; NaN before the first time."""
        return self._clock() - self._all_asked_at

    def recall_versions(self) -> dict[str, int]:
        """Return which versions serve while the database is away, by task type."""
        recalled = map(self._recall, self._known)
        return {one.prompt.task_type: one.prompt.version for one in recalled if one}

    async def load(
        self, task: TaskRequest | ChatTask, token: str | None, internal_token: SecretStr | None
    ) -> LoadedPrompt:
        """Return the prompt that serves a task; with a candidate's text, where it names one.

        A rollout's candidate answers its share of live tasks, as long as the database is there.

        Raises:
            ForbiddenError: If it names a candidate and `token` isn't the internal one.
            UnknownTaskTypeError: If no prompt serves the task type.
            ServiceError: If the prompt can't be had; a candidate is never served from memory.
        """
        asked_at = self._clock()
        try:
            active = await load_active_prompt(self._database, task.task_type)
        except UnknownTaskTypeError:
            self._forget(task.task_type, asked_at)
            raise
        except DatabaseUnavailableError:
            recalled = self._recall(task.task_type) if task.candidate_id is None else None
            if recalled is None:
                raise
            return recalled
        prompt = active.prompt
        self._keep(prompt, asked_at)
        if task.candidate_id is None:
            if active.rollout is None or task.purpose != "live":
                return LoadedPrompt(prompt)
            return _roll_out(prompt, active.rollout, task.unit or str(task.request_id))
        require_internal_token(token, internal_token, field="candidate_id")
        content = await load_candidate(self._database, task.candidate_id, task.task_type)
        return LoadedPrompt(replace(prompt, content=content))

    async def refresh(self) -> None:
        """Read all that serve now, and forget those that don't.

        Raises:
            DatabaseUnavailableError: If the database gives no answer.
        """
        asked_at = self._clock()
        serving = await load_active_prompts(self._database)
        for prompt in serving:
            self._keep(prompt, asked_at)
        for task_type in self._known.keys() - {prompt.task_type for prompt in serving}:
            self._forget(task_type, asked_at)
        self._all_asked_at = asked_at

    async def find_obstacle(self) -> str:
        """Say why no prompt can serve now, read or recalled; empty where one can."""
        obstacle = await self._database.find_obstacle()
        can_recall = any(map(self._recall, self._known))
        return "" if can_recall else obstacle

    def _keep(self, prompt: Prompt, asked_at: float) -> None:
        known = self._known.get(prompt.task_type)
        # An answer that was slow on its way says what was before.
        if known is None or known.asked_at <= asked_at:
            self._known[prompt.task_type] = _Read(prompt, asked_at)

    def _forget(self, task_type: str, asked_at: float) -> None:
        known = self._known.get(task_type)
        if known is not None and known.asked_at <= asked_at:
            del self._known[task_type]

    def _recall(self, task_type: str) -> LoadedPrompt | None:
        """Return what was read last, unless that is too long ago."""
        known = self._known.get(task_type)
        if known is None:
            return None
        age_seconds = self._clock() - known.asked_at
        is_young = age_seconds < self._max_age_seconds
        return LoadedPrompt(known.prompt, int(age_seconds)) if is_young else None

    async def _run(self) -> None:
        while True:
            with suppress(DatabaseUnavailableError, asyncpg.PostgresError):
                await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS)


def _roll_out(prompt: Prompt, rollout: Rollout, unit: str) -> LoadedPrompt:
    """Return the prompt of the arm that a unit is assigned to."""
    assignment = assign(rollout, unit)
    if assignment.arm == "candidate":
        prompt = replace(prompt, content=rollout.content, version=rollout.reserved_version)
    return LoadedPrompt(prompt, assignment=assignment)
