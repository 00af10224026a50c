"""Plans the trial of a repair: which inputs choose a candidate, and which prove it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from services.common.proof.betting import MAX_PROVING, PairedScore
from services.common.proof.input_clusters import (
    MAX_PER_CLUSTER,
    cluster_inputs,
    take_in_turn,
)
from services.common.schemas import MAX_INPUT_CHARACTERS, MAX_REFINED_CHARACTERS
from services.common.task_types import GoldenInputs
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.damage import MOST_TIMES
from services.optimizer.app.services.proof.replay_results import (
    FAILING,
    GOLDEN,
    GUARD,
    ReplayInput,
    ReplayResult,
)

MAX_CHOOSING_FAILING = 4
MAX_CHOOSING = 8
MAX_PROVING_FAILING = 8
# Choosing inputs beyond those, for the question of whose fault it is where they can't tell.
MAX_SPARE_FAILING, MAX_SPARE_GOLDEN = 4, 12
FAILING_IN_A_ROW = 2


@dataclass(frozen=True, slots=True)
class TrialInputs:
    """Two sets of inputs without a common member: one chooses, the other proves.

    Attributes:
        choosing: Inputs that writers of candidates may see.
        proving: Inputs that only the gate sees; the first ones decide most.
        guards: Inputs that passed lately, on which damage is looked for; some of them are proving
            inputs too.
        evidence: The failures behind the choosing inputs.
        clusters: Clusters of like failing inputs that there are.
        spare_guards: Further guards, which are asked where the others can't tell damage from noise.
        spare_choosing: Further inputs of the choosing side, on which the incumbent alone is run.
        reserve: Inputs that prove as well, where those of `proving` are too few or used up.
    """

    choosing: tuple[ReplayInput, ...]
    proving: tuple[ReplayInput, ...]
    guards: tuple[ReplayInput, ...] = ()
    evidence: tuple[LoggedResult, ...] = ()
    clusters: int = 0
    spare_guards: tuple[ReplayInput, ...] = ()
    spare_choosing: tuple[ReplayInput, ...] = ()
    reserve: tuple[ReplayInput, ...] = ()

    @property
    def all_proving(self) -> tuple[ReplayInput, ...]:
        """All inputs that may prove, in their order."""
        return (*self.proving, *self.reserve)


def plan_trial(
    failing: Sequence[LoggedResult],
    golden: GoldenInputs,
    passing: Sequence[LoggedResult] = (),
    *,
    guard_inputs: int = 10,
) -> TrialInputs:
    """Deal clusters of failing inputs out in turn, the largest first, and add golden ones.

    Like inputs stay on one side, so that no writer of a candidate saw a proving input, in other
    words either. An input has one place, whatever it qualifies for.

    Args:
        failing: Distinct failing inputs, the newest first.
        passing: Answers that passed lately, the newest first.
    """
    failing = [row for row in failing if _is_replayable(row)]
    clusters = cluster_inputs([failure.text for failure in failing])
    ranked = sorted(clusters, key=len, reverse=True)
    sides = [
        [failing[at] for cluster in ranked[first::2] for at in cluster[:MAX_PER_CLUSTER]]
        for first in (0, 1)
    ]
    evidence = sides[0][:MAX_CHOOSING_FAILING]
    readable = sides[0][: MAX_CHOOSING_FAILING + MAX_SPARE_FAILING]
    rerun = [_logged(FAILING, "choosing", at, row) for at, row in enumerate(readable, 1)]
    chosen, spare_failing = rerun[:MAX_CHOOSING_FAILING], rerun[MAX_CHOOSING_FAILING:]
    unseen = [
        _logged(FAILING, "verdict", at, row)
        for at, row in enumerate(sides[1][:MAX_PROVING_FAILING], 1)
    ]
    taken = {text for row in failing for text in (row.user_input, row.text)}
    choosing_golden = _golden("choosing", golden.choosing, golden, taken)
    proving_golden = _golden("verdict", golden.verdict, golden, taken)
    taken |= {*golden.choosing, *golden.verdict}
    passed = [row for row in passing if _is_replayable(row)]
    pool = _guards(passed, taken, MOST_TIMES * guard_inputs)
    guards, spare_guards = pool[:guard_inputs], pool[guard_inputs:]
    choosing = tuple(_interleave(chosen, choosing_golden))[:MAX_CHOOSING]
    spare_golden = [item for item in choosing_golden if item not in choosing][:MAX_SPARE_GOLDEN]
    proving = tuple(_mix(unseen, list(_interleave(guards, proving_golden))))
    return TrialInputs(
        choosing=choosing,
        proving=proving[:MAX_PROVING],
        reserve=(*spare_guards, *proving[MAX_PROVING:]),
        guards=tuple(guards),
        evidence=tuple(evidence),
        clusters=len(clusters),
        spare_guards=tuple(spare_guards),
        spare_choosing=tuple(_interleave(spare_golden, spare_failing)),
    )


def pair_scores(
    incumbent: Mapping[str, ReplayResult],
    candidate: Mapping[str, ReplayResult],
    order: Sequence[ReplayInput],
) -> list[PairedScore]:
    """Pair the scores of inputs that one and the same evaluator scored under both prompts.

    Args:
        order: Inputs in the order of the test, which must not depend on results.
    """
    return [
        PairedScore(item.id, incumbent[item.id].score, candidate[item.id].score)
        for item in order
        if item.id in incumbent
        and item.id in candidate
        and incumbent[item.id].fingerprint == candidate[item.id].fingerprint
    ]


def repairs_all(
    candidate: Mapping[str, ReplayResult],
    incumbent: Mapping[str, ReplayResult],
    inputs: Sequence[ReplayInput],
) -> bool:
    """Tell whether the candidate passes each live input that the incumbent fails again.

    Golden inputs don't count: some are beyond a small model under any prompt.
    """
    broken = [
        item.id
        for item in inputs
        if item.source == FAILING and item.id in incumbent and not incumbent[item.id].passed
    ]
    return bool(broken) and all(name in candidate and candidate[name].passed for name in broken)


def golden_failures(
    inputs: Sequence[ReplayInput], results: Mapping[str, ReplayResult]
) -> tuple[LoggedResult, ...]:
    """Find golden inputs that a prompt fails when it is run: evidence without a user's word."""
    return tuple(
        LoggedResult(
            user_input=item.user_input,
            refined_input=item.refined_input,
            conversation=item.conversation,
            score=results[item.id].score,
            passed=False,
            failed_rules=results[item.id].failed_rules,
            worker_output=results[item.id].output,
            fingerprint=results[item.id].fingerprint,
        )
        for item in inputs
        if item.source == GOLDEN and item.id in results and not results[item.id].passed
    )


def _is_replayable(row: LoggedResult) -> bool:
    """Tell whether the services take the input: a row written by hand may hold anything."""
    if row.conversation is not None:
        return bool(row.conversation.messages)  # without any it is too large to be replayed
    return all(
        text.strip() and "\x00" not in text and len(text) <= most
        for text, most in (
            (row.user_input, MAX_INPUT_CHARACTERS),
            (row.refined_input, MAX_REFINED_CHARACTERS),
        )
    )


def _guards(passing: Sequence[LoggedResult], taken: set[str], most: int) -> list[ReplayInput]:
    """Pick distinct inputs that passed, one of each cluster before a second of any."""
    distinct = {row.text: row for row in reversed(passing)}
    fresh = [row for row in reversed(distinct.values()) if not {row.text, row.user_input} & taken]
    clusters = cluster_inputs([row.text for row in fresh])
    order = take_in_turn(clusters)
    return [_logged(GUARD, "verdict", n, fresh[at]) for n, at in enumerate(order[:most], 1)]


def _logged(source: str, half: str, number: int, row: LoggedResult) -> ReplayInput:
    return ReplayInput.of_row(f"{source}-{half}-{number}", row, source)


def _golden(
    half: str, inputs: Sequence[str], golden: GoldenInputs, taken: set[str]
) -> list[ReplayInput]:
    return [
        ReplayInput(
            f"{GOLDEN}-{half}-{number}",
            text,
            text,
            GOLDEN,
            golden.ids.get(text),
            golden.conversations.get(text),
        )
        for number, text in enumerate((text for text in inputs if text not in taken), 1)
    ]


def _mix(failing: Sequence[ReplayInput], others: Sequence[ReplayInput]) -> Iterator[ReplayInput]:
    """Give two failing inputs, which tell most, then one of the others, until all are there."""
    rest = iter(others)
    for start in range(0, len(failing), FAILING_IN_A_ROW):
        yield from failing[start : start + FAILING_IN_A_ROW]
        yield from islice(rest, 1)
    yield from rest


def _interleave(one: Sequence[ReplayInput], other: Sequence[ReplayInput]) -> Iterator[ReplayInput]:
    for pair in zip_longest(one, other):
        yield from (item for item in pair if item is not None)
