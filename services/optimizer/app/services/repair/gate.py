"""The gate: proves the one candidate that was chosen, on inputs that had no part in choosing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.proof.betting import PairedScore
from services.optimizer.app.services.proof.damage import Damage
from services.optimizer.app.services.proof.guard_run import run_guards
from services.optimizer.app.services.proof.paired_run import run_pairs
from services.optimizer.app.services.proof.paired_test import (
    BETTER,
    NOT_BETTER,
    UNDECIDED,
    UNLABELLED,
    Decision,
    label_repair,
)
from services.optimizer.app.services.proof.replay_results import ReplayResult
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import TrialInputs, pair_scores
from services.optimizer.app.services.repair.contest import Contender

EMPTY_PROMPT = ""
MAX_CONTROL = 8
# The control's first inputs; where all of them pass, no others are needed.
FIRST_CONTROL = 3
# A candidate wins no pair by answers that can't be scored: this many of ten may be such.
MAX_UNSCORED_OF_TEN = 1

DAMAGE, UNGUARDED = "breaks_what_works", "guards_unscored"
UNSCORED, BUDGET = "answers_unscored", "budget_exceeded"
# Guards that must be there to speak for a candidate, of those that were planned.
LEAST_GUARDED_SHARE = 0.5

log = get_logger()


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Whether a candidate may serve, and all that this rests on.

    Attributes:
        bet: The sequential test.
        incumbent: Results of the incumbent, by input id.
        candidate: Results of the candidate, by input id.
        unscored: Inputs on which the incumbent was scored and the candidate wasn't.
        control: Results of the empty prompt, by input id.
        label: `learned`, `reset` or `unlabelled`.
        reason: `better`, or why the incumbent stays.
    """

    contender: Contender
    bet: Decision
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

    @property
    def incumbent_passes(self) -> int:
        """How many of the pairs' inputs the incumbent passed."""
        return sum(self.incumbent[pair.input_id].passed for pair in self.pairs)

    @property
    def candidate_passes(self) -> int:
        """How many of the pairs' inputs the candidate passed."""
        return sum(self.candidate[pair.input_id].passed for pair in self.pairs)


class Gate:
    """Runs the chosen candidate against the incumbent until the evidence is enough, or can't be.

    Args:
        max_newly_failing: How many of ten guard inputs may newly fail.
    """

    def __init__(
        self, replays: TextReplays, trial: TrialInputs, incumbent: str, *, max_newly_failing: int
    ) -> None:
        self._replays = replays
        self._trial = trial
        self._incumbent = incumbent
        self._max_newly_failing = max_newly_failing

    async def judge(self, contender: Contender) -> GateDecision:
        """Prove a candidate, look for damage, and label it by the empty prompt.

        Raises:
            ServiceError: If nothing could be replayed.
        """
        content = contender.candidate.content
        bet, pairs = await run_pairs(
            self._replays,
            self._trial.proving,
            incumbent=self._incumbent,
            candidate=content,
            reserved_calls=self._calls_for_guards(),
        )
        incumbent = self._replays.known(self._incumbent)
        candidate = self._replays.known(content)
        unscored = tuple(
            item.id
            for item in self._trial.proving
            if item.id in incumbent and item.id not in candidate
        )
        reason = bet.reason if bet.reason != UNDECIDED else BUDGET
        damage = Damage(0, (), self._max_newly_failing)
        if bet.promote and len(unscored) > max(1, len(pairs) * MAX_UNSCORED_OF_TEN // 10):
            reason = UNSCORED
        elif bet.promote:
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
            wins=bet.wins,
            losses=bet.losses,
            e_value=round(bet.e_value, 2),
            p_value=round(bet.p_value, 4),
            newly_failing=len(damage.newly_failing),
            label=label,
        )
        return GateDecision(
            contender, bet, pairs, incumbent, candidate, damage, unscored, control, label, reason
        )

    def _calls_for_guards(self) -> int:
        """Count the calls that it takes to look for damage, and one for the control."""
        unpaired_guards = sum(item not in self._trial.proving for item in self._trial.guards)
        return unpaired_guards + self._max_newly_failing + 1

    async def _look_for_damage(self, content: str) -> Damage:
        """Run the guards, and spare ones where these can't tell damage from noise."""
        return await run_guards(
            self._replays,
            self._trial.guards,
            self._trial.spare_guards,
            incumbent=self._incumbent,
            candidate=content,
            max_newly_failing=self._max_newly_failing,
            reserved_calls=FIRST_CONTROL,
        )

    async def _label(
        self, content: str, pairs: Sequence[PairedScore]
    ) -> tuple[dict[str, ReplayResult], str]:
        """Compare with no prompt at all; a label is worth no failure, and never blocks.

        Where no prompt does about as well on the first few inputs, more of them tell nothing new.
        """
        judged = {pair.input_id for pair in pairs}
        most = min(MAX_CONTROL, self._replays.calls_left)
        inputs = [item for item in self._trial.proving if item.id in judged][:most]
        known = self._replays.known(content)
        control: dict[str, ReplayResult] = {}
        try:
            for look in (inputs[:FIRST_CONTROL], inputs):
                control = await self._replays.run(EMPTY_PROMPT, look)
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
