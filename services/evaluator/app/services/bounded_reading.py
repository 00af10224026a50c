"""Reads answers without holding up the service: long ones in a process of their own.

Parsing hostile text can take a second with the interpreter's lock held, and has crashed
interpreters before; a short text can't take long. So short answers are read where they arrive,
and long ones in a worker process, which is killed when it takes too long.
"""

import json
from functools import partial
from pathlib import Path

import anyio
from anyio import BrokenWorkerProcess, CapacityLimiter, to_process

from services.common.errors import ServiceError, UnscoredError
from services.common.logging import get_logger, name_error
from services.common.schemas import Conversation
from services.evaluator.app.services.static_reading import Reading, read_answer

# Parsing this much took at most 70 ms on a busy core, whatever it said.
MAX_IN_PROCESS_CHARACTERS = 4096
# A request is read for examples by many patterns, and so is let in at a quarter of that.
MAX_REQUEST_IN_PROCESS_CHARACTERS = 1024
# Of tools' schemas and calls' arguments, which are checked against each other.
MAX_CONVERSATION_IN_PROCESS_CHARACTERS = 8192
MAX_READING_SECONDS = 5.0
WORKER_PROCESSES = 4

log = get_logger()


class Reader:
    """Reads an answer beside its request, within bounded time.

    Args:
        max_seconds: After so long an answer counts as unreadable.
    """

    def __init__(
        self, own_task_types: Path | None = None, *, max_seconds: float = MAX_READING_SECONDS
    ) -> None:
        self._own_task_types = own_task_types
        self._max_seconds = max_seconds
        self._limiter: CapacityLimiter | None = None

    async def read(
        self,
        *,
        task_type: str,
        user_input: str,
        answer: str,
        is_golden: bool = False,
        conversation: Conversation | None = None,
    ) -> Reading:
        """Read an answer, held against the right values where its request is a golden input.

        Raises:
            UnscoredError: If reading took too long, raised, or brought its process down.
        """
        read = partial(
            read_answer,
            task_type=task_type,
            user_input=user_input,
            answer=answer,
            own_task_types=self._own_task_types,
            is_golden=is_golden,
            conversation=conversation,
        )
        # Made here, since it belongs to the event loop that runs us.
        self._limiter = self._limiter or CapacityLimiter(WORKER_PROCESSES)
        try:
            if (
                len(user_input) <= MAX_REQUEST_IN_PROCESS_CHARACTERS
                and len(answer) <= MAX_IN_PROCESS_CHARACTERS
                and _is_short(conversation)
            ):
                return read()
            # Waiting for a process isn't the answer's fault, so the deadline starts after it.
            async with self._limiter:
                with anyio.fail_after(self._max_seconds):
                    return await to_process.run_sync(
                        read, cancellable=True, limiter=CapacityLimiter(1)
                    )
        except (TimeoutError, BrokenWorkerProcess) as error:
            log.warning("answer_unreadable", characters=len(answer), error=type(error).__name__)
            raise UnscoredError(
                f"The answer could not be read within {self._max_seconds:g} s."
            ) from error
        except ServiceError:
            raise
        except Exception as error:  # noqa: BLE001 - a slip of ours costs one score, no more
            log.error("answer_unreadable", characters=len(answer), **name_error(error))
            raise UnscoredError(f"Reading the answer raised {type(error).__name__}.") from None


def _is_short(conversation: Conversation | None) -> bool:
    if conversation is None:
        return True
    return len(json.dumps(conversation.model_dump())) <= MAX_CONVERSATION_IN_PROCESS_CHARACTERS
