"""Wires the Optimizer from the settings: the one place that does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import aiohttp
import asyncpg

from services.common.config import OptimizerSettings
from services.common.costs.bill import charging
from services.common.costs.prices import Prices
from services.common.database import connect
from services.common.errors import ServiceError
from services.common.http import create_session
from services.common.models import Prompt
from services.common.record.outcomes import HealingOutcome
from services.common.resilience.deadline import within
from services.common.siblings import EvaluatorClient, WorkerClient
from services.common.task_types import open_task_types
from services.optimizer.app.analyst import open_analyst
from services.optimizer.app.services.aftercare.alarm_confirmation import (
    Alarm,
    Confirmation,
    confirm_alarm,
)
from services.optimizer.app.services.aftercare.rollback import PromotionKeeper
from services.optimizer.app.services.background import BackgroundWork
from services.optimizer.app.services.cycle import Cycle, HealAlreadyRunsError, heals_alone
from services.optimizer.app.services.diagnosis.cooldown import PauseRules
from services.optimizer.app.services.diagnosis.evaluator_condition import WELL, EvaluatorWatch
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.diagnosis.survey import Surveyor, Trigger
from services.optimizer.app.services.heal.conclusion import PROPOSE_MODE
from services.optimizer.app.services.heal.healing import Healer
from services.optimizer.app.services.jobs import JobTaker
from services.optimizer.app.services.proof.budget import ANALYST, Limits
from services.optimizer.app.services.proof.paired_run import run_if_judgeable
from services.optimizer.app.services.proof.replay import Replayer, make_slots
from services.optimizer.app.services.proof.replay_results import ReplayInput
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.repair.candidates import Analyst
from services.optimizer.app.services.rollout.fresh_inputs import compare_replays
from services.optimizer.app.services.rollout.looking_after import RolloutKeeper
from services.optimizer.app.services.telling.notification import (
    TEST,
    Notification,
    describe_condition,
    describe_outcome,
)
from services.optimizer.app.services.telling.waiting import find_waiting
from services.optimizer.app.services.telling.webhook import WebhookNotifier, create_notifier

# No task type has this name.
JOBS = ""


@dataclass(frozen=True, slots=True)
class Tools:
    """What all runs of one process share.

    Attributes:
        replay_slots: Worker calls at a time; heals side by side take turns for them.
    """

    session: aiohttp.ClientSession
    analyst: Analyst
    notifier: WebhookNotifier | None
    evaluator: EvaluatorWatch
    replay_slots: asyncio.Semaphore = field(default_factory=make_slots)
    prices: Prices = field(default_factory=Prices)


@asynccontextmanager
async def open_tools(settings: OptimizerSettings) -> AsyncIterator[Tools]:
    """Open what runs need: an HTTP session, the analyst's model, the webhook."""
    webhook = settings.notify_webhook_url
    async with (
        create_session() as session,
        create_session(webhook.get_secret_value() if webhook else "") as outside,
        open_analyst(settings) as analyst,
    ):
        evaluator = EvaluatorWatch(session, settings.evaluator_url)
        notifier = create_notifier(settings, outside)
        prices = Prices.open(settings.prices_file)
        yield Tools(session, analyst, notifier, evaluator, prices=prices)


@dataclass(frozen=True, slots=True)
class Workshop:
    """Does what a cycle asks for, with the tools of the process."""

    settings: OptimizerSettings
    tools: Tools
    connection: asyncpg.Connection
    is_continuous: bool = False

    async def heal(self, connection: asyncpg.Connection, case: Case) -> HealingOutcome:
        """Heal one prompt."""
        async with self._replaying(case.incumbent.task_type) as replayer:
            healer = Healer(
                connection,
                replayer,
                self.tools.analyst,
                open_task_types(self.settings.task_types_dir),
                self.settings,
                self.settings.canary_shares(is_watching=self.is_continuous),
            )
            with within(self.settings.optimizer_deadline_seconds):
                return await healer.heal(case)

    async def announce(
        self,
        connection: asyncpg.Connection,
        prompt: Prompt,
        outcome: HealingOutcome | ServiceError,
    ) -> None:
        """Tell people of an outcome, or of what kept a heal from having one."""
        if self.tools.notifier is not None:
            await self.tools.notifier.notify(describe_outcome(prompt, outcome), connection)

    async def announce_states(self) -> None:
        """Tell people of an Evaluator that is down or degraded (a lenient one makes no failures),
        and of watches and canaries that have waited for answers for a day.
        """
        if self.tools.notifier is None:
            return
        condition = await self.tools.evaluator.find_condition()
        states = [describe_condition(condition)] if condition.state != WELL else []
        for notification in (*states, *await find_waiting(self.connection)):
            await self.tools.notifier.notify(notification, self.connection)

    async def send_test(self, person: str) -> str:
        """Send a test message for a person; tell what went wrong, empty if nothing did."""
        if self.tools.notifier is None:
            return "NOTIFY_WEBHOOK_URL isn't set where the Optimizer runs: nobody would be told."
        code = await self.tools.notifier.deliver(Notification(TEST, "", requested_by=person))
        return f"The webhook took no message: {code}." if code else ""

    async def confirm(self, alarm: Alarm) -> Confirmation:
        """Replay the prompt that serves and the text before it, while nobody else heals it."""
        task_type = alarm.serving.task_type
        golden = open_task_types(self.settings.task_types_dir).golden_inputs(task_type)
        connect = partial(open_connection, self.settings)
        async with heals_alone(self.connection, connect, task_type) as lease:
            if lease is None:
                raise HealAlreadyRunsError("Another heal of this task type runs.")
            async with self._replaying(task_type) as replayer:
                replays = TextReplays(self.connection, replayer, alarm.serving)
                return await confirm_alarm(replays, alarm, golden)

    async def compare(
        self, serving: Prompt, other: str, inputs: Sequence[ReplayInput]
    ) -> list[float]:
        """Replay the prompt that serves and another text; give the other one's gains."""
        async with self._replaying(serving.task_type) as replayer:
            replays = TextReplays(self.connection, replayer, serving)
            for text in (serving.content, other):
                await replays.register(text)
            before, after = await asyncio.gather(
                run_if_judgeable(replays, serving.content, inputs),
                run_if_judgeable(replays, other, inputs),
            )
        return list(compare_replays(inputs, before, after))

    @asynccontextmanager
    async def _replaying(self, task_type: str) -> AsyncIterator[Replayer]:
        """Lend what replays within a budget, and keep what it cost, come what may."""
        settings, session = self.settings, self.tools.session
        connect = partial(open_connection, settings)
        async with charging(self.tools.prices, task_type, connect) as bill:
            replayer = Replayer(
                worker=WorkerClient(session, settings),
                evaluator=EvaluatorClient(session, settings, purpose="replay"),
                limits=find_limits(settings),
                deadline_seconds=settings.optimizer_deadline_seconds,
                slots=self.tools.replay_slots,
                bill=bill,
                provider=settings.llm_provider,
            )
            try:
                yield replayer
            finally:
                bill.add("healing", self.tools.analyst.spec, replayer.budget.spent[ANALYST])


def find_limits(settings: OptimizerSettings) -> Limits:
    """Find what a heal may spend."""
    return Limits.suiting(
        settings.max_calls,
        judge_calls=settings.optimizer_max_judge_calls,
        analyst_calls=settings.optimizer_max_analyst_calls,
        tokens=settings.optimizer_max_tokens,
    )


async def run_cycle(
    settings: OptimizerSettings,
    tools: Tools,
    *,
    is_continuous: bool,
    background: BackgroundWork | None = None,
) -> dict[str, HealingOutcome]:
    """Run one cycle on a connection of its own, after the jobs that people asked for.

    Cooldown and heals per day bind runs that nobody started: the continuous mode, and those that
    OPTIMIZER_UNATTENDED says are such.

    Args:
        background: Where heals and jobs go on after this; None to wait for them.

    Raises:
        ServiceError: If a heal failed, or the run could not be brought to an end.
    """
    async with open_connection(settings) as connection:
        workshop = Workshop(settings, tools, connection, is_continuous)
        cycle = make_cycle(workshop)
        await workshop.announce_states()
        jobs = JobTaker(
            cycle.surveyor,
            workshop.heal,
            workshop.announce,
            workshop.send_test,
            settings.optimizer_deadline_seconds,
            cycle.connect,
        )
        if background is None:
            await jobs.take_all(connection)
        else:
            background.start(JOBS, jobs.take_all_apart, takes_turns=False)
        return await cycle.run(connection, background)


def make_cycle(workshop: Workshop) -> Cycle:
    """Make a cycle of what a workshop does."""
    settings = workshop.settings
    asks_first = settings.optimizer_mode == PROPOSE_MODE
    promotions = PromotionKeeper(workshop.confirm, settings.optimizer_triggered_by, asks_first)
    connect = partial(open_connection, settings)
    rollouts = RolloutKeeper(
        workshop.connection, settings.canary_margin, workshop.compare, connect, asks_first
    )
    return Cycle(
        make_surveyor(settings, workshop.tools.evaluator, is_continuous=workshop.is_continuous),
        workshop.heal,
        workshop.announce,
        connect,
        promotions.look_after,
        rollouts.look_after,
        settings.optimizer_heals_at_once,
    )


async def follow_rollouts(
    settings: OptimizerSettings, tools: Tools, connection: asyncpg.Connection
) -> bool:
    """Look after what serves a share of traffic, alone; tell whether anything does.

    Raises:
        ServiceError: The first failure, after all of them were looked after.
    """
    workshop = Workshop(settings, tools, connection, is_continuous=True)
    return await make_cycle(workshop).follow_rollouts(connection)


def make_surveyor(
    settings: OptimizerSettings, evaluator: EvaluatorWatch, *, is_continuous: bool = False
) -> Surveyor:
    """Make what finds the prompts that need work."""
    rules = PauseRules(
        asks_first=settings.optimizer_mode == PROPOSE_MODE,
        is_unattended=is_continuous or settings.optimizer_unattended,
        base_seconds=settings.optimizer_cooldown_seconds,
        max_heals_per_day=settings.optimizer_max_heals_per_day,
        max_heals_per_incident=settings.optimizer_max_heals_per_incident,
    )
    return Surveyor(
        Trigger(settings.optimizer_failure_threshold, settings.optimizer_lookback_minutes),
        evaluator.find_condition,
        rules.find_pause,
    )


def open_connection(settings: OptimizerSettings) -> AbstractAsyncContextManager[asyncpg.Connection]:
    """Open a connection to the database that the settings name."""
    return connect(
        settings.database_url.get_secret_value(),
        timeout_seconds=settings.database_timeout_seconds,
    )
