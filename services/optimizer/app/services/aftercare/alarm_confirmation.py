"""Looks into a watch's alarm: runs both texts again on what the promoted one was asked live.

What live rows say depends on what was asked, and anyone may ask anything; here both texts are asked
the same, by the gate's own test. Where live traffic asks too few different things, golden inputs
and guards are run beside them.

What is won is kept: while the bet that the text before is better has won, it goes on at the next
look, on further inputs. All bets of one watch share one error rate: the first is judged at 0.0405,
the `j`-th further one at 0.0095 x 6/(pi j)^2, which add up to 0.05.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from services.common.errors import ServiceError
from services.common.models import Prompt
from services.common.proof.betting import FIRST_ALPHA
from services.common.task_types import GoldenInputs
from services.optimizer.app.services.aftercare.watch import (
    MAX_REPLAYED,
    MAX_REPLAYED_AGAIN,
    pick_live_inputs,
)
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.budget import BudgetExceededError
from services.optimizer.app.services.proof.paired_run import run_pairs
from services.optimizer.app.services.proof.paired_test import UNDECIDED, Decision
from services.optimizer.app.services.proof.replay_results import GUARD, ReplayInput
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import pair_scores, plan_trial
from services.optimizer.app.services.proof.wagers import (
    LEAST_FRESH,
    Wager,
    WagerBook,
)
from services.optimizer.app.services.screening.screening import screen

# The names under which the two texts are on record.
WATCHED, BEFORE = "watched", "before_it"
FIRST_WAGER = Wager(FIRST_ALPHA, number=1)


class TooFewReplaysError(ServiceError):
    """Too few inputs can be replayed to tell which text does better."""

    code = "too_few_inputs"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What is to be looked into.

    Attributes:
        serving: The promoted prompt.
        before: The text that seems to do better.
        after: The promoted text's scored live answers, the newest first.
        passing: Answers of either text that passed, the newest first: guards.
        wager: The bet that the text before is better, as far as earlier looks at it have come.
        book: Where its further bets are put on record.
    """

    serving: Prompt
    before: str
    after: Sequence[LoggedResult]
    passing: Sequence[LoggedResult] = ()
    wager: Wager = FIRST_WAGER
    book: WagerBook | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What replays say of an alarm.

    Attributes:
        decision: The bet that the text before is better than the promoted one; it is to serve
            again where that says `promote`. None where replays broke off: pairs were seen, and
            decided nothing.
        replayed: Inputs on which both texts were scored, at this look.
        code: What broke the replays off; empty where nothing did.
    """

    decision: Decision | None
    replayed: int
    worker_calls: int
    code: str = ""


# Runs the prompt that serves and the text before it; raises a ServiceError where not one pair can
# be had.
Confirm = Callable[[Alarm], Awaitable[Confirmation]]


async def confirm_alarm(
    replays: TextReplays, alarm: Alarm, golden: GoldenInputs | None = None
) -> Confirmation:
    """Run both texts on the same inputs until it is decided whether the text before is better.

    What this look can't decide, and hasn't lost either, is for the next one to go on with.

    Raises:
        ServiceError: If not one pair could be had: Worker or Evaluator fail, the calls don't
            suffice, or there are too few inputs to tell.
    """
    affordable = max(LEAST_FRESH, replays.calls_left // 2)  # the next look asks about the others
    inputs = plan_inputs(alarm, golden or GoldenInputs())[:affordable]
    if alarm.wager.find_obstacle(len(inputs)):
        raise TooFewReplaysError("Too few different inputs to tell by.")
    promoted = alarm.serving.content
    await replays.register(promoted, WATCHED)
    await replays.register(alarm.before, BEFORE)
    try:
        decision, pairs = await run_pairs(
            replays,
            inputs,
            incumbent=promoted,
            candidate=alarm.before,
            wager=alarm.wager,
            book=alarm.book,
        )
        if decision.reason == UNDECIDED:
            raise BudgetExceededError
        if len(pairs) < LEAST_FRESH and not decision.promote:
            raise TooFewReplaysError("Too few inputs could be scored to tell by.")
    except ServiceError as error:
        seen = pair_scores(replays.known(promoted), replays.known(alarm.before), inputs)
        if not seen:
            raise
        return Confirmation(None, len(seen), replays.calls, error.code)
    return Confirmation(decision, len(pairs), replays.calls)


def plan_inputs(alarm: Alarm, golden: GoldenInputs) -> list[ReplayInput]:
    """Plan what both texts are run on: live inputs, and where they are too few, golden inputs and
    guards in their place; none on which this was bet before. The order depends on no score.
    """
    seen, is_first = alarm.wager.seen, alarm.wager.number == 1 and not alarm.wager.gains
    most = MAX_REPLAYED if is_first else MAX_REPLAYED_AGAIN
    unseen = [
        row for row in alarm.after if ReplayInput.of_row("", row, GUARD).fingerprint not in seen
    ]
    live = pick_live_inputs(unseen, most)
    inputs = [ReplayInput.of_row(f"live-{at}", row, GUARD) for at, row in enumerate(live, 1)]
    if not alarm.wager.find_obstacle(len(inputs)):
        return inputs
    seen |= {item.fingerprint for item in inputs}
    spare = plan_trial([], golden, screen(list(alarm.passing)).clean).proving
    return [*inputs, *(item for item in spare if item.fingerprint not in seen)][:most]
