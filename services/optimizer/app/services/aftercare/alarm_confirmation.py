"""Looks into a watch's alarm: both texts are run again on what the promoted one was asked live.

What live rows say hangs on what was asked, and anybody may ask anything; here both texts are asked
the same, by the gate's own test.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from services.common.errors import ServiceError
from services.common.models import Prompt
from services.optimizer.app.services.aftercare.watch import pick_live_inputs
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.promotion import (
    UNDECIDED,
    Decision,
    PairedScore,
    can_decide,
    decide,
    pairs_needed,
)
from services.optimizer.app.services.proof.replay_results import GUARD, ReplayInput
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import pair_scores

# The names under which the two texts are on record.
WATCHED, BEFORE = "watched", "before_it"
# Pairs a look once the first ones are there.
PAIRS_PER_LOOK = 2


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
        worker_calls: What that cost.
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
    count_calls: Callable[[], int],
) -> Confirmation:
    """Run both texts on the same live inputs until it is decided whether the text before is better.

    Args:
        replays: Runs texts, within a budget of its own.
        promoted: The promoted text.
        before: The text before it.
        after: The promoted text's scored live answers, the newest first.
        count_calls: Worker calls so far.

    Raises:
        ServiceError: If Worker or Evaluator fail, or too few inputs could be scored to tell.
    """
    inputs = [
        ReplayInput(f"live-{number}", row.user_input, row.refined_input, GUARD)
        for number, row in enumerate(pick_live_inputs(after), 1)
    ]
    if not can_decide(len(inputs)):
        raise TooFewReplaysError("Too few different live inputs to tell by.")
    await replays.register(promoted, WATCHED)
    await replays.register(before, BEFORE)
    pairs: list[PairedScore] = []
    done = 0
    decision = decide(pairs, pairs_left=len(inputs))
    while decision.reason == UNDECIDED:
        look = inputs[done : done + (PAIRS_PER_LOOK if done else pairs_needed())]
        await replays.run(promoted, look)
        await replays.run(before, look)
        done += len(look)
        pairs = pair_scores(replays.known(promoted), replays.known(before), inputs[:done])
        decision = decide(pairs, pairs_left=len(inputs) - done)
    unscored = len(inputs) - len(pairs)
    if not can_decide(len(pairs)) and decide(pairs, pairs_left=unscored).reason == UNDECIDED:
        raise TooFewReplaysError("Too few live inputs could be scored to tell by.")
    return Confirmation(decision, len(pairs), count_calls())
