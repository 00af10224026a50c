"""Others on one and the same repair: the Optimizer, its naive sibling, and installed peers."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from langchain_core.messages import HumanMessage

from benchmarks.healing.lane.lane import MOST_CALLS, Lane
from benchmarks.healing.peers.task import BudgetSpentError, Peer, PeerTask
from benchmarks.healing.records import RunRecord, share_recovered
from benchmarks.healing.runs.held_out import PromptTrials
from benchmarks.healing.runs.naive import rewrite
from benchmarks.healing.runs.running import Bench
from benchmarks.healing.scenarios import PromptScenario
from services.common.errors import UpstreamError
from services.common.errors.model import ModelAnswerCutError
from services.common.llm.factory import create_chat_model
from services.common.llm.invocation import close_model, invoke_model

REFLECTION_TOKENS: Final = 256
CONCURRENCY: Final = 4


@dataclass(frozen=True, slots=True)
class ComparedRepair:
    """Result of one healer on the repair that is compared.

    Attributes:
        name: Name of the healer.
        score: Mean held-out score of what it found, in [0, 1]; None where it found nothing.
        recovered_share: Of the lost score.
        calls: Model calls.
        seconds: Wall time.
        note: How it ended.
    """

    name: str
    score: float | None
    recovered_share: float | None
    calls: int
    seconds: float
    note: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """All of them on one repair."""

    scenario: str
    max_calls: int
    rows: Sequence[ComparedRepair]

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as plain values for JSON."""
        return asdict(self)


class CountedModel:
    """The model at hand with a budget: every call counts, whatever it is for.

    Args:
        lane: The lane.
        max_calls: How many calls there may be.
    """

    def __init__(self, lane: Lane, max_calls: int) -> None:
        self._lane = lane
        self._trials = PromptTrials(lane, concurrency=CONCURRENCY)
        self._ids: dict[str, UUID] = {}
        self._max_calls = max_calls
        self._reflecting = create_chat_model(
            lane.settings.model_copy(
                update={
                    "llm_max_tokens": REFLECTION_TOKENS,
                    "llm_stop_after_code_block": False,
                }
            )
        )
        self.calls = 0

    async def evaluate(self, prompt: str, user_input: str) -> tuple[float, str, str]:
        """Answer an input under a prompt, and score the answer; one that was cut earns nothing.

        Raises:
            ServiceError: If there is no answer, or no score.
            BudgetSpentError: If no call is left.
        """
        self._count()
        if prompt not in self._ids:
            self._ids[prompt] = await self._lane.database.register(prompt)
        try:
            trial = await self._trials.try_one(self._ids[prompt], user_input)
        except UpstreamError as error:
            if error.upstream_code != ModelAnswerCutError.code:
                raise
            return 0.0, "", str(error)
        failed = [rule.reason for rule in trial.detail.rules if rule.outcome == "failed"]
        return trial.score, trial.output, "; ".join(failed) or "No rule failed."

    async def complete(self, prompt: str) -> str:
        """Ask the model with a plain prompt.

        Raises:
            ServiceError: If there is no answer.
            BudgetSpentError: If no call is left.
        """
        self._count()
        return (await invoke_model(self._reflecting, [HumanMessage(prompt)])).text

    async def close(self) -> None:
        """Close the connections to the services."""
        await close_model(self._reflecting)

    def _count(self) -> None:
        if self.calls >= self._max_calls:
            raise BudgetSpentError(f"all {self._max_calls} model calls are spent")
        self.calls += 1


async def compare_peers(
    lane: Lane,
    bench: Bench,
    scenario: PromptScenario,
    *,
    model: str,
    peers: Sequence[Peer],
    ours: RunRecord | None,
    tell: Callable[[str], None],
) -> Comparison:
    """Have every peer repair the scenario's prompt with the Optimizer's budget.

    Args:
        lane: Where; nothing else runs there meanwhile.
        bench: What all runs share.
        scenario: The bad prompt; there is no good one in history.
        model: The model at hand.
        peers: Those that are installed.
        ours: The Optimizer's own run on it.
        tell: Hears who is at it.
    """
    bad = (await bench.meter.measure(lane, scenario.text)).mean
    rows = [_ours(ours)] if ours else []

    async def measure(prompt: str | None) -> tuple[float | None, float | None]:
        if prompt is None:
            return None, None
        score = (await bench.meter.measure(lane, prompt)).mean
        return score, share_recovered(bench.good.mean, bad, score)

    for name, text in (("naive healer", rewrite()), ("empty prompt", "")):
        rows.append(ComparedRepair(name, *await measure(text), 0, 0.0, "unproven"))
    for peer in peers:
        tell(f"{peer.name} repairs {scenario.name}")
        counted = CountedModel(lane, MOST_CALLS[model])
        task = PeerTask(
            incumbent=scenario.text,
            train_inputs=bench.pools.live,
            evaluate=counted.evaluate,
            complete=counted.complete,
            max_calls=MOST_CALLS[model],
        )
        started = time.monotonic()
        result = await peer.repair(task)
        seconds = time.monotonic() - started
        await counted.close()
        score, share = await measure(result.prompt)
        rows.append(ComparedRepair(peer.name, score, share, counted.calls, seconds, result.note))
    return Comparison(scenario.name, MOST_CALLS[model], rows)


def _ours(record: RunRecord) -> ComparedRepair:
    return ComparedRepair(
        "the Optimizer",
        record.after,
        record.recovered_share,
        sum(record.calls),
        sum(record.heal_seconds),
        record.strategy or "; ".join(record.reasons),
    )
