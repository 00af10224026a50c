"""The verdict on the one candidate that was chosen: replays on inputs that nobody has seen yet."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from services.common.errors import ServiceError, UpstreamError
from services.common.logging import get_logger
from services.optimizer.app.services.proof.promotion import (
    BETTER,
    NOT_BETTER,
    UNDECIDED,
    UNLABELLED,
    Damage,
    Decision,
    PairedScore,
    assess_damage,
    decide,
    label_repair,
    pairs_needed,
)
from services.optimizer.app.services.proof.replay import NOT_JUDGEABLE, UnreplayableInputError
from services.optimizer.app.services.proof.replay_results import ReplayInput, ReplayResult
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import TrialInputs, pair_scores
from services.optimizer.app.services.repair.contest import Contender

EMPTY_PROMPT = ""
MAX_CONTROL = 8
# The control's first inputs; where all of them pass, no others are needed.
FIRST_CONTROL = 3
# Pairs a look once the first ones are there: as many calls as run at a time.
PAIRS_PER_LOOK = 2
# A candidate whose answers can't be scored wins no pair by that: so many are borne, of ten.
MAX_UNSCORED_OF_TEN = 1

DAMAGE, UNGUARDED = "breaks_what_works", "guards_unscored"
UNSCORED, BUDGET = "answers_unscored", "budget_exceeded"
# Guards that must be there to speak for a candidate, of those that were planned.
LEAST_GUARDED_SHARE = 0.5

log = get_logger()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says, and all that it rests on.

    Attributes:
        contender: The candidate.
        decision: The sequential test.
        pairs: The pairs behind it, in order.
        incumbent: Results of the incumbent, by input id.
        candidate: Results of the candidate, by input id.
        damage: What the candidate breaks among the guard inputs.
        unscored: Inputs on which the incumbent was scored and the candidate wasn't.
        control: Results of the empty prompt, by input id.
        label: `learned`, `reset` or `unlabelled`.
        reason: `better`, or why the incumbent stays.
    """

    contender: Contender
    decision: Decision
    pairs: Sequence[PairedScore]
    incumbent: Mapping[str, ReplayResult]
    candidate: Mapping[str, ReplayResult]
    damage: Damage
    unscored: tuple[str, ...] = ()
    control: Mapping[str, ReplayResult] = field(default_factory=dict)
    label: str = UNLABELLED
    reason: str = NOT_BETTER

    @property
    def promote(self) -> bool:
        """Whether the candidate may serve."""
        return self.reason == BETTER


class Gate:
    """Runs the chosen candidate against the incumbent until the evidence is enough, or can't be.

    Args:
        replays: Runs texts, and remembers.
        trial: The inputs.
        incumbent: Text of the incumbent.
        calls_left: Worker calls that the heal may still make.
        max_newly_failing: Newly failing guard inputs of ten that are borne.
    """

    def __init__(
        self,
        replays: TextReplays,
        trial: TrialInputs,
        incumbent: str,
        *,
        calls_left: Callable[[], int],
        max_newly_failing: int,
    ) -> None:
        self._replays = replays
        self._trial = trial
        self._incumbent = incumbent
        self._calls_left = calls_left
        self._max_newly_failing = max_newly_failing

    async def judge(self, contender: Contender) -> Verdict:
        """Prove a candidate, look for damage, and label it by the empty prompt.

        Raises:
            ServiceError: If nothing could be replayed.
        """
        content = contender.candidate.content
        decision, pairs = await self._compare(content)
        incumbent = self._replays.known(self._incumbent)
        candidate = self._replays.known(content)
        unscored = tuple(
            item.id
            for item in self._trial.verdict
            if item.id in incumbent and item.id not in candidate
        )
        reason = decision.reason if decision.reason != UNDECIDED else BUDGET
        damage = Damage(0, (), self._max_newly_failing)
        if decision.promote and len(unscored) > max(1, len(pairs) * MAX_UNSCORED_OF_TEN // 10):
            reason = UNSCORED
        elif decision.promote:
            damage = await self._look_for_damage(content)
            reason = self._weigh_damage(damage)
        control: dict[str, ReplayResult] = {}
        label = UNLABELLED
        if reason == BETTER:
            control, label = await self._label(content, pairs)
        log.info(
            "verdict_reached",
            strategy=contender.candidate.strategy,
            reason=reason,
            wins=decision.wins,
            losses=decision.losses,
            e_value=round(decision.e_value, 2),
            p_value=round(decision.p_value, 4),
            newly_failing=len(damage.newly_failing),
            label=label,
        )
        return Verdict(
            contender,
            decision,
            pairs,
            incumbent,
            candidate,
            damage,
            unscored,
            control,
            label,
            reason,
        )

    async def _compare(self, content: str) -> tuple[Decision, list[PairedScore]]:
        """Run pairs in their planned order, a few at a time, and stop as soon as it is decided.

        It stays undecided where more inputs could decide it and the calls don't suffice.
        """
        order = self._trial.verdict
        done = 0
        pairs: list[PairedScore] = []
        decision = decide(pairs, pairs_left=len(order))
        while decision.reason == UNDECIDED:
            affordable = self._pairs_left(done)
            if decide(pairs, pairs_left=affordable).reason != UNDECIDED:
                break
            size = PAIRS_PER_LOOK if done else pairs_needed()
            look = order[done : done + min(size, affordable)]
            await asyncio.gather(
                self._run_if_judgeable(self._incumbent, look), self._run_if_judgeable(content, look)
            )
            done += len(look)
            pairs = pair_scores(
                self._replays.known(self._incumbent), self._replays.known(content), order[:done]
            )
            decision = decide(pairs, pairs_left=len(order) - done)
        return decision, pairs

    def _pairs_left(self, done: int) -> int:
        """Pairs that inputs and calls allow, with enough calls kept for the guards."""
        unpaired_guards = sum(item not in self._trial.verdict for item in self._trial.guards)
        calls = self._calls_left() - unpaired_guards - self._max_newly_failing - 1
        return max(0, min(len(self._trial.verdict) - done, calls // 2))

    async def _look_for_damage(self, content: str) -> Damage:
        """The incumbent is run only where the candidate fails: elsewhere nothing is broken."""
        guards = self._trial.guards
        candidate = await self._run_if_judgeable(content, guards)
        failing = [
            item for item in guards if item.id in candidate and not candidate[item.id].passed
        ]
        incumbent = await self._run_if_any(self._incumbent, failing)
        return assess_damage(
            {name: result.passed for name, result in incumbent.items()},
            {name: result.passed for name, result in candidate.items()},
            max_newly_failing=self._max_newly_failing,
        )

    async def _label(
        self, content: str, pairs: Sequence[PairedScore]
    ) -> tuple[dict[str, ReplayResult], str]:
        """Compare with no prompt at all; a label is worth no failure, and never blocks.

        Where no prompt does about as well on the first few inputs, more of them tell nothing new.
        """
        judged = {pair.input_id for pair in pairs}
        most = min(MAX_CONTROL, self._calls_left())
        inputs = [item for item in self._trial.verdict if item.id in judged][:most]
        known = self._replays.known(content)
        control: dict[str, ReplayResult] = {}
        try:
            for look in (inputs[:FIRST_CONTROL], inputs):
                control = await self._run_if_any(EMPTY_PROMPT, look)
                if control and all(result.passed for result in control.values()):
                    break
        except ServiceError as error:
            log.warning("control_failed", code=error.code)
            return {}, UNLABELLED
        return control, label_repair(pair_scores(control, known, inputs))

    def _weigh_damage(self, damage: Damage) -> str:
        if damage.checked < LEAST_GUARDED_SHARE * len(self._trial.guards):
            return UNGUARDED
        return BETTER if damage.is_bearable else DAMAGE

    async def _run_if_judgeable(
        self, content: str, inputs: Sequence[ReplayInput]
    ) -> dict[str, ReplayResult]:
        """Run a text; where none of its answers can be judged, there are no results."""
        try:
            return await self._run_if_any(content, inputs)
        except UnreplayableInputError:
            return {}
        except UpstreamError as error:
            if error.upstream_code != NOT_JUDGEABLE:
                raise
            return {}

    async def _run_if_any(
        self, content: str, inputs: Sequence[ReplayInput]
    ) -> dict[str, ReplayResult]:
        return await self._replays.run(content, inputs) if inputs else {}
