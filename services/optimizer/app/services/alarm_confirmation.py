"""Looks into a watch's alarm: both texts are run again on what the promoted one was asked live.

What live rows say hangs on what was asked, which anybody may choose; here both texts are asked
the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.common.errors import ServiceError
from services.optimizer.app.services.log_records import LoggedResult
from services.optimizer.app.services.promotion import (
    UNDECIDED,
    Decision,
    can_decide,
    decide,
    pairs_needed,
)
from services.optimizer.app.services.replay_results import GUARD, ReplayInput
from services.optimizer.app.services.screening import screen
from services.optimizer.app.services.text_replays import TextReplays
from services.optimizer.app.services.trial import pair_scores
from services.optimizer.app.services.watch import MAX_REPLAYED, pick_live_inputs

PROMOTED, BEFORE = "incumbent", "rollback"
# Pairs a look once the first ones are there.
PAIRS_PER_LOOK = 2


class TooFewReplaysError(ServiceError):
    """Too few live inputs can be replayed to tell which text does better."""

    code = "too_few_inputs"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What replays say of an alarm.

    Attributes:
        decision: The bet that the text before is better than the promoted one; `promote` is to
            go back to it.
        replayed: Inputs on which both texts were scored.
        worker_calls: What that cost.
    """

    decision: Decision
    replayed: int
    worker_calls: int

    @property
    def agrees(self) -> bool:
        """Whether the promoted text does worse here too."""
        return self.decision.promote


@dataclass(frozen=True, slots=True)
class Alarm:
    """Live rows say that a promotion does worse.

    Attributes:
        promoted: The promoted text, which serves.
        before: The text before it.
        after: The promoted text's scored live answers, the newest first.
    """

    promoted: str
    before: str
    after: Sequence[LoggedResult]


class LookInto(Protocol):
    """Runs both texts again."""

    def __call__(self, prompt_text: str, inputs: Sequence[ReplayInput]) -> Awaitable[object]: ...


async def confirm_alarm(
    alarm: Alarm, replays: TextReplays, *, count_calls: Callable[[], int]
) -> Confirmation:
    """Run both texts on the same live inputs until it is decided which does better.

    Args:
        alarm: What the watch saw.
        replays: Runs texts, within a budget of its own.
        count_calls: Worker calls so far.

    Raises:
        ServiceError: If Worker or Evaluator fail, or too few inputs could be scored to tell.
    """
