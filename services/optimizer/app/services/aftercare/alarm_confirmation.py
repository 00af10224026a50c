"""Looks into a watch's alarm: runs both texts again on what the promoted one was asked live.

What live rows say depends on what was asked, and anyone may ask anything; here both texts are asked
the same, by the gate's own test.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from services.common.errors import ServiceError
from services.common.models import Prompt
from services.optimizer.app.services.aftercare.watch import pick_live_inputs
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.paired_run import run_pairs
from services.optimizer.app.services.proof.paired_test import (
    UNDECIDED,
    Decision,
    can_decide,
    decide,
)
from services.optimizer.app.services.proof.replay import BudgetExceededError
from services.optimizer.app.services.proof.replay_results import GUARD, ReplayInput
from services.optimizer.app.services.proof.text_replays import TextReplays

# The names under which the two texts are on record.
WATCHED, BEFORE = "watched", "before_it"


class TooFewReplaysError(ServiceError):
    """Too few live inputs can be replayed to tell which text does better."""

    code = "too_few_inputs"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What replays say of an alarm.

    Attributes:
        decision: The bet that the text before is better than the promoted one; it is to serve
            again where that says `promote`.
        replayed: Inputs on which both texts were scored.
    """

    decision: Decision
    replayed: int
    worker_calls: int


# Runs the prompt that serves and the text before it on live inputs, given the serving one's
# answers, the newest first; raises a ServiceError where replays can't be had.
Confirm = Callable[[Prompt, str, Sequence[LoggedResult]], Awaitable[Confirmation]]


async def confirm_alarm(
    replays: TextReplays,
    *,
    promoted: str,
    before: str,
    after: Sequence[LoggedResult],
) -> Confirmation:
    """Run both texts on the same live inputs until it is decided whether the text before is better.

    Args:
        after: The promoted text's scored live answers, the newest first.

    Raises:
        ServiceError: If Worker or Evaluator fail, the calls don't suffice, or too few inputs could
            be scored to tell.
    """
    inputs = [
        ReplayInput(
            f"live-{number}",
            row.user_input,
            row.refined_input,
            GUARD,
            conversation=row.conversation,
        )
        for number, row in enumerate(pick_live_inputs(after), 1)
    ]
    if not can_decide(len(inputs)):
        raise TooFewReplaysError("Too few different live inputs to tell by.")
    await replays.register(promoted, WATCHED)
    await replays.register(before, BEFORE)
    decision, pairs = await run_pairs(replays, inputs, incumbent=promoted, candidate=before)
    if decision.reason == UNDECIDED:
        raise BudgetExceededError("The budget of Worker calls is used up.")
    unscored = len(inputs) - len(pairs)
    if not can_decide(len(pairs)) and decide(pairs, pairs_left=unscored).reason == UNDECIDED:
        raise TooFewReplaysError("Too few live inputs could be scored to tell by.")
    return Confirmation(decision, len(pairs), replays.calls)
