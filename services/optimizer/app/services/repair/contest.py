"""Chooses the one candidate that comes before the gate, on the choosing inputs."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from statistics import fmean, stdev
from uuid import UUID

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.proof.betting import TIE_MARGIN
from services.optimizer.app.services.proof.paired_test import Decision, decide
from services.optimizer.app.services.proof.replay import SPENT_ERRORS, is_mute
from services.optimizer.app.services.proof.replay_results import ReplayInput, ReplayResult
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import pair_scores, repairs_all
from services.optimizer.app.services.proof.wagers import INPUTS_USED_UP, NO_BETTER
from services.optimizer.app.services.repair.candidate_lint import find_lint
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext, Strategy

# Inputs of the first look at a candidate; what shows no gain on them gets no second one.
FIRST_LOOK = 4
# Why the gate wouldn't look at a text, in words.
OBSTACLES = {
    INPUTS_USED_UP: "it was proven on all inputs that there are, and waits for fresh ones",
    NO_BETTER: "it was no better in this incident",
}
# So many inputs that fail under the incumbent and pass now, without a loss, end the search.
CONVINCING_PASSES = 3
# By so many standard errors another must do better than the best one so far, and than a text that
# served well: of seven that are as good one is often lucky on eight inputs (Student's t: by two
# errors in 26 % of contests, by three in 7 %).
ERRORS_TO_PASS, ERRORS_TO_PASS_SERVED = 1.0, 3.0
# By so many a text that served well must lead the incumbent to end the search.
ERRORS_OF_A_CLEAR_LEAD = 2.0
# One input that differs makes just a standard error.
ROUNDING = 1e-9

log = get_logger()


@dataclass(frozen=True, slots=True)
class Contender:
    """A candidate with its replays, and the incumbent's, on the choosing inputs.

    Attributes:
        is_convincing: Whether no other need be looked for.
        served_well: Whether it is the contest's `trusted` text.
    """

    candidate: Candidate
    candidate_id: UUID
    results: Mapping[str, ReplayResult]
    incumbent_results: Mapping[str, ReplayResult]
    screening: Decision
    is_convincing: bool
    served_well: bool = False

    @property
    def gain(self) -> float:
        """Mean score won against the incumbent on the same inputs, in [-1, 1]."""
        return self.screening.improvement_pct / 100

    def is_better_than(self, other: "Contender | None") -> bool:
        """Tell whether it gains more than the other, or anything at all, on inputs that both had.

        A difference below its own standard error doesn't count, nor one below three of them where
        the other served well: of two that can't be told apart the one that is trusted more stays,
        and not the one that was lucky. What served well needs no gain where luck may hide it.
        """
        if other is None and self.served_well:
            lead, error = _find_lead(self.results, self.incumbent_results)
            return lead + error > TIE_MARGIN
        if self.gain <= 0 or other is None:
            return self.gain > 0
        shared = self.results.keys() & other.results.keys()
        if other.served_well and len(shared) < FIRST_LOOK:
            return False
        if not shared:
            return self.gain > other.gain
        lead, error = _find_lead(self.results, other.results)
        least = error * (ERRORS_TO_PASS_SERVED if other.served_well else ERRORS_TO_PASS)
        return lead > TIE_MARGIN and lead >= least - ROUNDING

    def completes(self, other: "Contender | None") -> bool:
        """Tell whether it may stand for another, which fails at times, and do no worse."""
        is_flawed = other is not None and not all(one.passed for one in other.results.values())
        return is_flawed and self.gain > 0 and not (other and other.is_better_than(self))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A candidate that was not run, and why: `refused` ends a sentence."""

    strategy: str
    rationale: str
    refused: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What a contest came to.

    Attributes:
        best: The candidate with the largest gain; None where none gains, or the contest failed.
        refused: Candidates that were not run.
        hold_reason: Why the incumbent stays where there is no best one.
    """

    best: Contender | None = None
    contenders: Sequence[Contender] = ()
    refused: Sequence[Refusal] = ()
    is_budget_spent: bool = False
    failure: ServiceError | None = None
    hold_reason: str = "no_better_candidate"


@dataclass(slots=True)
class Contest:
    """Lets candidates run against the incumbent, in the order of trust.

    Attributes:
        calls_left: Worker calls that choosing may still take.
        find_obstacle: Why the gate wouldn't look at a text, as a code; empty where it would.
        trusted: A text that served well, and that is hard to pass; empty where there is none.
    """

    replays: TextReplays
    context: RepairContext
    calls_left: Callable[[], int]
    find_obstacle: Callable[[str], str] = lambda _: ""
    trusted: str = ""
    _contenders: list[Contender] = field(default_factory=list, init=False)
    _refused: list[Refusal] = field(default_factory=list, init=False)
    _is_budget_spent: bool = field(default=False, init=False)
    _waits_for_inputs: bool = field(default=False, init=False)

    async def choose(
        self, strategies: Mapping[str, Strategy], finishing: Mapping[str, Strategy] | None = None
    ) -> Choice:
        """Choose the candidate with the largest gain, if there is one; ties go to the earlier one.

        One that repairs every failing input and loses nowhere ends the search: what comes later
        is trusted less. What then wins without ever having served, and still fails now and then,
        `finishing` strategies make complete, unless that is seen to do worse.
        """
        best, failure = None, None
        try:
            best = await self._run_through(strategies, None)
            if best is not None and best.candidate.content not in self.context.lint.served:
                best = await self._run_through(finishing or {}, best, finishes=True)
        except ServiceError as error:
            best, failure = None, error
        found = Choice(
            best, tuple(self._contenders), tuple(self._refused), self._is_budget_spent, failure
        )
        return replace(found, hold_reason=INPUTS_USED_UP) if self._waits_for_inputs else found

    async def _run_through(
        self, strategies: Mapping[str, Strategy], best: Contender | None, *, finishes: bool = False
    ) -> Contender | None:
        async for candidate in self._propose(strategies, best):
            if self._refuse(candidate):
                continue
            if self.calls_left() < FIRST_LOOK:
                self._is_budget_spent = True
                break
            try:
                contender = await self._screen(candidate, best)
            except SPENT_ERRORS:
                self._is_budget_spent = True
                break
            except ServiceError as error:
                if not is_mute(error):
                    raise
                self._note_refusal(candidate, "none of its answers could be scored")
                continue
            self._contenders.append(contender)
            if contender.is_better_than(best) or (finishes and contender.completes(best)):
                best = contender
            if contender.is_convincing:
                break
        return best

    async def _propose(
        self, strategies: Mapping[str, Strategy], best: Contender | None
    ) -> AsyncIterator[Candidate]:
        """Give all strategies' candidates in turn; one that fails keeps no other from trying."""
        for name, strategy in strategies.items():
            context = replace(
                self.context,
                calls_for_search=self.calls_left(),
                best=best.candidate if best else None,
            )
            try:
                async for candidate in strategy(context):
                    yield candidate
            except SPENT_ERRORS:
                self._is_budget_spent = True
                return
            except ServiceError as error:
                log.warning("strategy_failed", strategy=name, code=error.code)

    def _refuse(self, candidate: Candidate) -> bool:
        content = candidate.content
        if content == self.context.incumbent or any(
            content == contender.candidate.content for contender in self._contenders
        ):
            return True
        lint = self.context.lint
        rules = replace(lint, trusted=(*lint.trusted, *candidate.quoted))
        obstacle = self.find_obstacle(content)
        self._waits_for_inputs |= obstacle == INPUTS_USED_UP
        reason = find_lint(content, rules) or OBSTACLES.get(obstacle, "")
        if reason:
            self._note_refusal(candidate, reason)
        return bool(reason)

    def _note_refusal(self, candidate: Candidate, reason: str) -> None:
        self._refused.append(Refusal(candidate.strategy, candidate.rationale, reason))
        log.info("candidate_refused", strategy=candidate.strategy, reason=reason)

    async def _screen(self, candidate: Candidate, best: Contender | None) -> Contender:
        candidate_id = await self.replays.register(candidate.content, candidate.strategy)
        choosing = self.context.choosing
        contender = await self._compare(candidate, candidate_id, choosing[:FIRST_LOOK])
        may_end = contender.is_convincing and contender.is_better_than(best)
        is_settled = may_end or (contender.gain <= 0 and not contender.served_well)
        if not is_settled and self.calls_left() >= 2 * len(choosing[FIRST_LOOK:]):
            contender = await self._compare(candidate, candidate_id, choosing)
        log.info(
            "candidate_screened",
            strategy=candidate.strategy,
            incumbent_mean=_round(contender.screening.incumbent_mean),
            candidate_mean=_round(contender.screening.candidate_mean),
            wins=contender.screening.wins,
            losses=contender.screening.losses,
        )
        return contender

    async def _compare(
        self, candidate: Candidate, candidate_id: UUID, inputs: Sequence[ReplayInput]
    ) -> Contender:
        incumbent = await self.replays.run(self.context.incumbent, inputs)
        results = await self.replays.run(candidate.content, inputs)
        pairs = pair_scores(incumbent, results, inputs)
        screening = decide(pairs)
        newly_passing = sum(
            results[pair.input_id].passed and not incumbent[pair.input_id].passed for pair in pairs
        )
        served_well = candidate.content == self.trusted
        lead, error = _find_lead(results, incumbent)
        is_clear = lead > TIE_MARGIN and lead >= ERRORS_OF_A_CLEAR_LEAD * error
        is_repair = screening.losses == 0 and (
            repairs_all(results, incumbent, inputs) or newly_passing >= CONVINCING_PASSES
        )
        is_convincing = is_repair or (served_well and is_clear)
        return Contender(
            candidate, candidate_id, results, incumbent, screening, is_convincing, served_well
        )


def _find_lead(
    results: Mapping[str, ReplayResult], others: Mapping[str, ReplayResult]
) -> tuple[float, float]:
    """Compute the mean lead on the inputs that both have, and its standard error."""
    leads = [results[name].score - others[name].score for name in results.keys() & others.keys()]
    error = stdev(leads) / sqrt(len(leads)) if len(leads) > 1 else 0.0
    return fmean(leads) if leads else 0.0, error


def _round(mean: float | None) -> float | None:
    return None if mean is None else round(mean, 3)
