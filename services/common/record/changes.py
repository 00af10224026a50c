"""Changes what serves because a person says so: at once, as a proposal, or back again."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from services.common.errors import InvalidRequestError, ServiceError, UnknownTaskTypeError
from services.common.models import Prompt
from services.common.record.activation import (
    Activation,
    IncumbentChangedError,
    Patch,
    patch_prompt,
)
from services.common.record.healing_runs import (
    BY_HAND,
    REJECTED,
    HealingRun,
    propose,
    register_candidate,
    set_outcome,
)
from services.common.record.outcomes import PROPOSED
from services.common.record.people import shorten_name
from services.common.record.prompts import load_active_prompts, load_prompts, load_repaired_texts
from services.common.record.stored_runs import StoredRun
from services.common.record.text_lint import find_erased


class UnknownRunError(ServiceError):
    """No run of the Optimizer has this id."""

    status_code = 404
    code = "unknown_run"

    def __init__(self, run_id: UUID) -> None:
        super().__init__(f"There is no run {run_id}.")


class NothingToServeError(ServiceError):
    """No other text could serve in place of this one; nothing was changed."""

    status_code = 409
    code = "nothing_to_serve"


class NotUndoableError(ServiceError):
    """What a run did can't be undone, or was already; nothing was changed."""

    status_code = 409
    code = "not_undoable"


class TextErasedError(ServiceError):
    """An earlier text lost words to an erasure, and can't serve again; nothing was changed."""

    status_code = 409
    code = "text_erased"

    def __init__(self) -> None:
        super().__init__(
            "This text lost words to selfheal erase: it isn't what once served. Serve another "
            "version, or a text of your own."
        )


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for a change, and why.

    Attributes:
        author: Whom the prompt's row names instead, where that isn't the person.
    """

    person: str
    reason: str = ""
    author: str = ""

    def explain(self, what: str) -> str:
        """Write the reason for the record: the person's own words, or else what is done."""
        return f"{self.reason.strip() or what} (by {self.person})"


async def load_seen(
    connection: asyncpg.Connection, task_type: str, *, prompt_id: int, digest: str
) -> Prompt:
    """Load what serves a task type, if it is what a person saw when they decided.

    Raises:
        UnknownTaskTypeError: If nothing serves it.
        IncumbentChangedError: If another prompt serves by now.
    """
    serving = await load_serving(connection, task_type)
    if (serving.id, serving.digest) != (prompt_id, digest):
        raise IncumbentChangedError(task_type=task_type)
    return serving


async def load_serving(connection: asyncpg.Connection, task_type: str) -> Prompt:
    """Load what serves a task type.

    Raises:
        UnknownTaskTypeError: If nothing does.
    """
    prompts = {prompt.task_type: prompt for prompt in await load_active_prompts(connection)}
    if task_type not in prompts:
        raise UnknownTaskTypeError(task_type=task_type, known=list(prompts))
    return prompts[task_type]


def require_servable(content: str) -> str:
    """Refuse a text that could not serve.

    Raises:
        InvalidRequestError: If it is blank or holds NUL.
    """
    if not content.strip() or "\x00" in content:
        raise InvalidRequestError("A prompt needs a character that can be seen, and no NUL.")
    return content


def require_whole(content: str, serving: Prompt) -> str:
    """Refuse an earlier text that isn't any more what once served.

    Raises:
        TextErasedError: If it lost words to an erasure.
    """
    if find_erased(content, serving.content):
        raise TextErasedError
    return content


async def serve_text(
    connection: asyncpg.Connection, serving: Prompt, content: str, request: Request, what: str
) -> Activation:
    """Serve a text in place of what serves now.

    Raises:
        IncumbentChangedError: If another prompt serves by now; nothing was changed.
    """
    author = request.author or shorten_name(request.person)
    patch = Patch(content, request.explain(what), author)
    return await patch_prompt(connection, incumbent=serving, patch=patch)


async def propose_text(
    connection: asyncpg.Connection, serving: Prompt, content: str, request: Request, what: str
) -> UUID:
    """Leave a text for another person to approve; no replay has proven it, and its run says so."""
    candidate_id = await register_candidate(connection, serving, content=content, strategy=BY_HAND)
    why = request.reason.strip() or what
    summary = (
        f"{request.person} asks to serve this text in place of version {serving.version}: {why}. "
        "No replay has proven it."
    )
    detail = {"summary": summary, "change_reason": why}
    run = HealingRun(serving, PROPOSED, BY_HAND, "", detail, BY_HAND, candidate_id, request.person)
    return await propose(connection, run)


async def find_rollback(connection: asyncpg.Connection, serving: Prompt) -> Prompt | None:
    """Find the text that served well before: the latest other one that lost to no repair.

    One that lost words to an erasure is found only where no other is left.
    """
    repaired = await load_repaired_texts(connection, serving.task_type)
    unwanted = {serving.content, *repaired}
    prompts = await load_prompts(connection, serving.task_type)
    earlier = [p for p in prompts if p.id < serving.id and p.content not in unwanted]
    return min(earlier, key=lambda p: bool(find_erased(p.content, serving.content)), default=None)


async def roll_back(
    connection: asyncpg.Connection, serving: Prompt, request: Request
) -> Activation:
    """Serve the text again that served well before the present one.

    Raises:
        NothingToServeError: If there is none.
        TextErasedError: If there is none but what lost words to an erasure.
        IncumbentChangedError: If another prompt serves by now; nothing was changed.
    """
    earlier = await find_rollback(connection, serving)
    if earlier is None:
        raise NothingToServeError(
            f"No other text served {serving.task_type!r} well before version {serving.version}."
        )
    what = f"rollback of version {serving.version} to version {earlier.version}"
    content = require_whole(earlier.content, serving)
    return await serve_text(connection, serving, content, request, what)


async def undo_run(
    connection: asyncpg.Connection,
    run: StoredRun,
    request: Request,
    *,
    prompt_id: int,
    digest: str,
) -> Activation:
    """Serve the text again that a run replaced; what the run activated isn't tried for a day.

    Args:
        run: With its texts, as it is loaded by its id.
        prompt_id: What the person saw serving, with its digest.

    Raises:
        NotUndoableError: If it replaced nothing, or something else serves since.
        TextErasedError: If the text lost words to an erasure.
        IncumbentChangedError: If another prompt serves than was seen; nothing was changed.
    """
    async with connection.transaction():
        if run.after_version is None or run.before_content is None:
            raise NotUndoableError("This run replaced no text that is still known.")
        serving = await load_serving(connection, run.task_type)
        if (serving.version, serving.content) != (run.after_version, run.after_content):
            raise NotUndoableError(
                f"Version {serving.version} serves {run.task_type!r} since, by "
                f"{serving.created_by}: there is nothing of this run left to undo."
            )
        if (serving.id, serving.digest) != (prompt_id, digest):
            raise IncumbentChangedError(task_type=run.task_type)
        content = require_whole(run.before_content, serving)
        what = f"undo of run {str(run.id)[:8]}: the text of version {run.version} again"
        if run.candidate_id is not None:
            await set_outcome(connection, [run.candidate_id], REJECTED)
        return await serve_text(connection, serving, content, request, what)
