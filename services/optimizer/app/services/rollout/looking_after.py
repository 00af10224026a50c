"""Looks after one rollout: takes in what its arms answered, and does what follows from it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

import asyncpg
from pydantic import ValidationError

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.models import Prompt
from services.common.record.activation import IncumbentChangedError
from services.common.record.leases import Connect, Lease, give_back
from services.common.record.outcomes import (
    CANARY,
    CANARY_ADVANCED,
    HELD,
    PROMOTED,
    HealingOutcome,
)
from services.common.record.rollouts.endings import (
    BY_DEPLOYMENT,
    abort,
    promote_rollout,
    supersede,
)
from services.common.record.rollouts.rollout import Rollout
from services.common.record.rollouts.steps import RolloutEndedError, advance, keep_detail
from services.optimizer.app.services.log.rollout_answers import (
    load_answers,
    load_asked,
    load_newest_id,
    load_seen,
)
from services.optimizer.app.services.proof.replay_results import ReplayInput
from services.optimizer.app.services.rollout.evidence import ArmAnswer, Evidence
from services.optimizer.app.services.rollout.fresh_inputs import MAX_REPLAYED, pick_fresh
from services.optimizer.app.services.rollout.judge import ABORT, GO_ON, Judgement, describe, judge

EVIDENCE: Final = "evidence"
# After replays that failed, nobody tries again for so long: looks are twice a second, and an answer
# that nobody can judge costs as much as any. The pause doubles with each failure in a row.
REPLAY_PAUSE_SECONDS: Final = 30.0
MOST_DOUBLINGS: Final = 5

# Runs the text that serves and another one on inputs, and gives the gains in score of those that
# could be compared; raises a ServiceError where replays can't be had.
Compare = Callable[[Prompt, str, Sequence[ReplayInput]], Awaitable[list[float]]]

log = get_logger()


@dataclass(frozen=True, slots=True)
class RolloutKeeper:
    """Looks after rollouts.

    Attributes:
        margin: How much worse in mean score still counts as no worse, in (0, 1).
        compare: Replays both texts where too few live answers come.
        connect: Opens another connection, where that one is lost during replays.
        asks_first: Whether a person decides when it goes on; what is worse ends all the same.
    """

    connection: asyncpg.Connection
    margin: float
    compare: Compare
    connect: Connect
    asks_first: bool = False

    async def look_after(self, rollout: Rollout, serving: Prompt | None) -> HealingOutcome | None:
        """Judge a rollout by what came since the last look; of two who look at once, one acts.

        Returns:
            How its run ended, or that a step was taken; None while nothing happens.

        Raises:
            ServiceError: If the text can't be activated; the rollout goes on.
        """
        try:
            if not rollout.replaces(serving):
                await supersede(self.connection, rollout)
                return _tell_end(rollout, serving, BY_DEPLOYMENT)
            if serving is None or rollout.is_paused:
                return None
            return await self._judge(rollout, serving)
        except (RolloutEndedError, IncumbentChangedError) as error:
            log.info("rollout_changed_meanwhile", task_type=rollout.task_type, code=error.code)
            return None

    async def _judge(self, rollout: Rollout, serving: Prompt) -> HealingOutcome | None:
        known = read_evidence(rollout)
        evidence = await self._take_in(rollout, known)
        judgement = judge(evidence, margin=self.margin)
        if judgement.outcome not in (ABORT, GO_ON) and not _has_new_pair(evidence, known):
            rollout, evidence = await self._add_replays(rollout, serving, evidence)
            judgement = judge(evidence, margin=self.margin)
        shown = describe(evidence, judgement, margin=self.margin)
        if judgement.outcome == ABORT:
            await abort(self.connection, rollout, judgement.reason, shown=shown)
            return _tell_end(rollout, serving, judgement.reason)
        if judgement.outcome != GO_ON or self.asks_first:
            if evidence != known:
                await keep_detail(self.connection, rollout, _write(rollout, evidence, shown))
            return None
        if rollout.is_at_last_step:
            return await self._promote(rollout, serving, shown, judgement)
        evidence = evidence.begin_step(await load_newest_id(self.connection, rollout))
        if await advance(self.connection, rollout, _write(rollout, evidence, shown)):
            share = round(rollout.steps[rollout.step + 1], 4)
            log.info("canary_advanced", task_type=rollout.task_type, rollout_id=str(rollout.id),
                     share=share, e_value=round(judgement.no_worse, 2))  # fmt: skip
            return HealingOutcome(
                CANARY, CANARY_ADVANCED, serving.version, before_version=serving.version,
                run_id=str(rollout.run_id), share=share,
            )  # fmt: skip
        return None

    async def _take_in(self, rollout: Rollout, known: Evidence) -> Evidence:
        records = await load_answers(
            self.connection, rollout, since=known.since, through=known.through
        )
        return known.take_in(ArmAnswer(**record) for record in records)

    async def _add_replays(
        self, rollout: Rollout, serving: Prompt, evidence: Evidence
    ) -> tuple[Rollout, Evidence]:
        """Run both texts on a few live inputs that are fresh; where that fails, try again later.

        What came of them is on record before anything else may fail: they are paid for.
        """
        if len(evidence.replayed) >= MAX_REPLAYED:
            return rollout, evidence
        asked = await load_asked(self.connection, rollout)
        seen = await load_seen(self.connection, rollout)
        inputs = pick_fresh(asked, seen=seen, replayed=evidence.replayed)
        name = f"canary replays {rollout.task_type}"
        turn = Lease(name, f"optimizer {uuid4().hex}", _find_pause_seconds(evidence))
        if not inputs or await turn.claim(self.connection) is None:
            return rollout, evidence
        try:
            gains = await self.compare(serving, rollout.content, inputs)
        except ServiceError as error:
            evidence = evidence.without_replays()
            turn = replace(turn, seconds=_find_pause_seconds(evidence))
            log.warning("canary_replays_failed", task_type=rollout.task_type, code=error.code,
                        retry_seconds=turn.seconds)  # fmt: skip
            # The lease runs out by itself, from now on.
            await turn.claim(self.connection)
            return rollout, evidence
        except asyncio.CancelledError:
            await give_back(turn.release, self.connection, self.connect, seconds=turn.seconds)
            raise
        evidence = evidence.with_replays([item.fingerprint for item in inputs], gains)
        detail = {**rollout.detail, EVIDENCE: evidence.model_dump()}

        async def keep(connection: asyncpg.Connection) -> None:
            await keep_detail(connection, rollout, detail)
            await turn.release(connection)

        await give_back(keep, self.connection, self.connect, seconds=REPLAY_PAUSE_SECONDS)
        return replace(rollout, detail=detail), evidence

    async def _promote(
        self, rollout: Rollout, serving: Prompt, shown: dict[str, Any], judgement: Judgement
    ) -> HealingOutcome:
        _, activation = await promote_rollout(self.connection, rollout, shown=shown)
        log.info("prompt_patched", task_type=rollout.task_type, before_version=serving.version,
                 after_version=activation.version, rollout_id=str(rollout.id),
                 e_value=round(judgement.no_worse, 2),
                 report_id=activation.report_id)  # fmt: skip
        return HealingOutcome(
            PROMOTED,
            "better",
            activation.version,
            before_version=serving.version,
            run_id=str(rollout.run_id),
            report_id=activation.report_id,
        )


def read_evidence(rollout: Rollout) -> Evidence:
    """Read what earlier looks found; a person may have changed the row, and then it begins anew."""
    try:
        return Evidence.model_validate(rollout.detail.get(EVIDENCE, {}))
    except ValidationError:
        return Evidence()


def _write(rollout: Rollout, evidence: Evidence, shown: dict[str, Any]) -> dict[str, Any]:
    return {**rollout.detail, EVIDENCE: evidence.model_dump(), "shown": shown}


def _find_pause_seconds(evidence: Evidence) -> float:
    doublings = min(max(0, evidence.failed - 1), MOST_DOUBLINGS)
    return REPLAY_PAUSE_SECONDS * 2.0**doublings


def _has_new_pair(evidence: Evidence, known: Evidence) -> bool:
    return len(evidence.step.live.gains) > len(known.step.live.gains)


def _tell_end(rollout: Rollout, serving: Prompt | None, reason: str) -> HealingOutcome:
    log.warning("canary_ended", task_type=rollout.task_type, rollout_id=str(rollout.id),
                reason=reason)  # fmt: skip
    version = serving.version if serving else 0
    return HealingOutcome(HELD, reason, version, before_version=version, run_id=str(rollout.run_id))
