"""The gate: proves the one candidate that was chosen, on inputs that had no part in choosing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

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
from services.optimizer.app.services.proof.wagers import Wager, WagerBook
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
        wager: What it goes on with: the evidence that earlier heals left.
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
    wager: Wager = field(default_factory=Wager)
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


@dataclass(frozen=True, slots=True)
class Gate:
    """Runs the chosen candidate against the incumbent until the evidence is enough, or can't be.

    Attributes:
        book: The incident's wagers on texts in place of this incumbent.
        max_newly_failing: How many of ten guard inputs may newly fail.
    """

    replays: TextReplays
    trial: TrialInputs
    incumbent: str
    book: WagerBook
    max_newly_failing: int

    async def judge(self, contender: Contender) -> GateDecision:
        """Prove a candidate, look for damage, and label it by the empty prompt.

        Raises:
            ServiceError: If nothing could be replayed.
        """
        decision = await self._prove(contender)
        if decision.promote:
            decision = await self._look_for_damage(decision)
        if decision.promote:
            decision = await self._label(decision)
        log.info(
            "verdict_reached",
            strategy=contender.candidate.strategy,
            reason=decision.reason,
            wins=decision.bet.wins,
            losses=decision.bet.losses,
            e_value=round(decision.bet.e_value, 2),
            p_value=round(decision.bet.p_value, 4),
            wager=decision.wager.number,
            newly_failing=len(decision.damage.newly_failing),
            label=decision.label,
        )
        return decision

    async def _prove(self, contender: Contender) -> GateDecision:
        content, trial = contender.candidate.content, self.trial
        wager = await self.book.open(content, trial.choosing if contender.results else ())
        fresh = wager.pick_fresh(trial.all_proving)
        obstacle = wager.find_obstacle(len(fresh))
        # Looking for damage takes calls, and the control one.
        unpaired_guards = sum(item not in trial.proving for item in trial.guards)
        bet, pairs = await run_pairs(
            self.replays,
            () if obstacle else fresh,
            incumbent=self.incumbent,
            candidate=content,
            reserved_calls=unpaired_guards + self.max_newly_failing + 1,
            wager=wager,
            book=self.book,
        )
        known, candidate = self.replays.known(self.incumbent), self.replays.known(content)
        unscored = tuple(one.id for one in fresh if one.id in known and one.id not in candidate)
        reason = obstacle or (bet.reason if bet.reason != UNDECIDED else BUDGET)
        if bet.promote and len(unscored) > max(1, len(pairs) * MAX_UNSCORED_OF_TEN // 10):
            reason = UNSCORED
        damage = Damage(0, (), self.max_newly_failing)
        return GateDecision(
            contender, bet, pairs, known, candidate, damage, wager, unscored, reason=reason
        )

    async def _look_for_damage(self, decision: GateDecision) -> GateDecision:
        """Run the guards, and spare ones where these can't tell damage from noise."""
        damage = await run_guards(
            self.replays,
            self.trial.guards,
            self.trial.spare_guards,
            incumbent=self.incumbent,
            candidate=decision.contender.candidate.content,
            max_newly_failing=self.max_newly_failing,
            reserved_calls=FIRST_CONTROL,
        )
        reason = BETTER if damage.is_bearable else DAMAGE
        if damage.checked < LEAST_GUARDED_SHARE * len(self.trial.guards):
            reason = UNGUARDED
        return replace(decision, damage=damage, reason=reason)

    async def _label(self, decision: GateDecision) -> GateDecision:
        """Compare with no prompt at all; a label is worth no failure, and never blocks.

        Where no prompt does about as well on the first few inputs, more of them tell nothing new.
        """
        judged = {pair.input_id for pair in decision.pairs}
        most = min(MAX_CONTROL, self.replays.calls_left)
        inputs = [item for item in self.trial.all_proving if item.id in judged][:most]
        known = self.replays.known(decision.contender.candidate.content)
        control: dict[str, ReplayResult] = {}
        try:
            for look in (inputs[:FIRST_CONTROL], inputs):
                control = await self.replays.run(EMPTY_PROMPT, look)
                if control and all(result.passed for result in control.values()):
                    break
        except ServiceError as error:
            log.warning("control_failed", code=error.code)
            return decision
        label = label_repair(pair_scores(control, known, inputs))
        return replace(decision, control=control, label=label)
