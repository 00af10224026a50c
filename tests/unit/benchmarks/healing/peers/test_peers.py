"""The peers: what they may spend, and that nothing of theirs breaks a run."""

import asyncio
import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from support.rows import for_each

from benchmarks.healing.peers import available_peers
from benchmarks.healing.peers.copro_peer import CoproPeer, plan_search
from benchmarks.healing.peers.gepa_peer import (
    GepaPeer,
    calls_for_a_round,
    choose_input_count,
)
from benchmarks.healing.peers.task import BudgetSpentError, Peer, PeerTask
from benchmarks.healing.peers.task_in_thread import TaskInThread, run_in_thread
from services.common.errors.model import ModelTimeoutError
from services.optimizer.app.services.repair.gepa_adapter import ScoredAnswer

INCUMBENT = "Always answer in JavaScript."
REPAIRED = "Write Python."
INPUTS = tuple(f"Task {number}" for number in range(24))


@dataclass
class FakeSystem:
    """A model that answers well where the prompt speaks of Python, and proposes one thing."""

    proposal: str = REPAIRED
    breaks_after: float = math.inf
    calls: int = 0
    questions: list[str] = field(default_factory=list)

    async def evaluate(self, prompt: str, request: str) -> tuple[float, str, str]:
        self._count()
        return (0.9 if "Python" in prompt else 0.3), f"answer to {request}", "feedback"

    async def complete(self, question: str) -> str:
        self._count()
        self.questions.append(question)
        return self.proposal

    def _count(self) -> None:
        self.calls += 1
        if self.calls > self.breaks_after:
            raise ModelTimeoutError("late")

    def task(self, *, max_calls: int = 60, inputs: Sequence[str] = INPUTS) -> PeerTask:
        return PeerTask(INCUMBENT, inputs, self.evaluate, self.complete, max_calls)


def installed(peer: GepaPeer | CoproPeer) -> object:
    missing = importlib.util.find_spec(peer.package) is None
    reason = f"{peer.package} isn't installed"
    return pytest.param(peer, marks=pytest.mark.skipif(missing, reason=reason), id=peer.name)


each_peer = pytest.mark.parametrize("peer", [installed(GepaPeer()), installed(CoproPeer())])


def test_peers_are_those_that_are_installed() -> None:
    names = {peer.name for peer in available_peers()}
    assert ("GEPA" in names) == (importlib.util.find_spec("gepa") is not None)
    assert ("COPRO" in names) == (importlib.util.find_spec("dspy") is not None)


@for_each(range(1, 200))
def test_plans_stay_in_the_budget(max_calls: int) -> None:
    plan = plan_search(max_calls, 24)
    assert plan is None or plan.calls <= max_calls
    count = choose_input_count(max_calls, 24)
    assert count == 0 or count + calls_for_a_round(count) <= max_calls


@pytest.mark.parametrize(("inputs", "calls"), [(1, 4), (2, 7), (3, 10), (8, 15)])
def test_a_round_of_gepa_has_a_known_price(inputs: int, calls: int) -> None:
    assert calls_for_a_round(inputs) == calls


@pytest.mark.parametrize(
    ("max_calls", "expected"),
    [(120, (5, 10, 2)), (60, (5, 5, 2)), (20, (5, 3, 1)), (3, (1, 2, 1)), (2, None)],
)
def test_copro_looks_as_far_as_the_budget_goes(
    max_calls: int, expected: tuple[int, int, int] | None
) -> None:
    plan = plan_search(max_calls, 24)
    assert (plan and (plan.inputs, plan.breadth, plan.depth)) == expected


@pytest.mark.parametrize("peer", [GepaPeer(), CoproPeer()])
async def test_a_budget_that_is_too_small_is_not_touched(peer: Peer) -> None:
    system = FakeSystem()
    result = await peer.repair(system.task(max_calls=1))
    assert (result.prompt, result.calls, system.calls) == (None, 0, 0)
    assert "fits into the budget" in result.note


@pytest.mark.parametrize("peer", [GepaPeer(), CoproPeer()])
async def test_no_inputs_are_no_search(peer: Peer) -> None:
    assert (await peer.repair(FakeSystem().task(inputs=()))).prompt is None


# The thread's means.


async def test_calls_are_counted_and_end_at_the_budget() -> None:
    system = FakeSystem()

    def search(means: TaskInThread) -> str:
        means.evaluate(INCUMBENT, INPUTS[:4])
        means.complete("?")
        with pytest.raises(BudgetSpentError):
            means.evaluate(INCUMBENT, INPUTS[:2])
        return REPAIRED

    result = await run_in_thread(system.task(max_calls=6), search)
    assert (result.prompt, result.calls, system.calls) == (REPAIRED, 5, 5)


async def test_answers_keep_the_order_of_the_requests() -> None:
    def search(means: TaskInThread) -> str:
        answers = means.evaluate(INCUMBENT, INPUTS[:6])
        assert answers[5] == ScoredAnswer("Task 5", "answer to Task 5", 0.3, "feedback")
        return "".join(answer.request[-1] for answer in answers)

    assert (await run_in_thread(FakeSystem().task(), search)).prompt == "012345"


async def test_a_peer_that_fails_says_why() -> None:
    def search(means: TaskInThread) -> str:
        means.complete("?")
        raise KeyError("no such\nthing")

    result = await run_in_thread(FakeSystem().task(), search)
    assert (result.prompt, result.calls) == (None, 1)
    assert result.note == "failed: KeyError: 'no such\\nthing'"


async def test_a_cancelled_peer_makes_no_further_call() -> None:
    system = FakeSystem()
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    ended: list[type[BaseException]] = []

    def search(means: TaskInThread) -> None:
        loop.call_soon_threadsafe(begun.set)
        try:
            while True:
                means.evaluate(INCUMBENT, INPUTS[:1])
        except BudgetSpentError as error:
            ended.append(type(error))
            raise

    running = asyncio.create_task(run_in_thread(system.task(max_calls=10**9), search))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    for _ in range(200):
        if ended:
            break
        await asyncio.sleep(0.01)
    assert ended == [BudgetSpentError]


# With the packages.


@each_peer
async def test_a_peer_finds_what_its_model_proposes(peer: Peer) -> None:
    system = FakeSystem()
    result = await peer.repair(system.task())
    assert result.prompt == REPAIRED
    assert result.calls == system.calls <= 60
    assert result.note == "found a prompt"


@each_peer
@pytest.mark.parametrize("max_calls", [20, 60, 120])
async def test_a_peer_stays_in_its_budget(peer: Peer, max_calls: int) -> None:
    system = FakeSystem(proposal="Write Perl.")
    result = await peer.repair(system.task(max_calls=max_calls))
    assert result.calls == system.calls <= max_calls


@each_peer
@pytest.mark.parametrize("breaks_after", [0, 3, 12, 30])
async def test_a_model_that_breaks_breaks_no_peer(peer: Peer, breaks_after: int) -> None:
    system = FakeSystem(breaks_after=breaks_after)
    result = await peer.repair(system.task())
    assert result.calls <= 60
    assert "ModelTimeoutError" in result.note or "failed" in result.note


@each_peer
@pytest.mark.parametrize("proposal", ["", "```", "[[ ## proposed_instruction ## ]]", INCUMBENT])
async def test_a_proposal_of_no_use_is_none(peer: Peer, proposal: str) -> None:
    result = await peer.repair(FakeSystem(proposal=proposal).task())
    assert result.calls <= 60


@each_peer
async def test_a_peer_prints_nothing(peer: Peer, capfd: pytest.CaptureFixture[str]) -> None:
    await peer.repair(FakeSystem().task())
    assert capfd.readouterr() == ("", "")
