"""GEPA as a peer: the `gepa` package with its own reflection, on the peer's task.

The package ends a search some calls past its own limit; here a round starts only if it fits.
"""

from benchmarks.healing.peers.task import PeerResult, PeerTask
from benchmarks.healing.peers.task_in_thread import (
    MAX_FAILURES_IN_A_ROW,
    TaskInThread,
    run_in_thread,
)
from services.optimizer.app.services.repair.gepa_adapter import (
    MINIBATCH,
    PromptAdapter,
    search_prompt,
)

MAX_INPUTS = 8


class GepaPeer:
    """Reflective prompt evolution (Agrawal et al. 2025, arXiv:2507.19457)."""

    name = "GEPA"
    package = "gepa"

    async def repair(self, task: PeerTask) -> PeerResult:
        """Search until no further round fits into the budget."""
        count = choose_input_count(task.max_calls, len(task.train_inputs))
        if not count:
            return PeerResult(None, 0, 0.0, "no round fits into the budget")
        inputs = task.train_inputs[:count]

        def search(means: TaskInThread) -> str | None:
            return search_prompt(
                task.incumbent,
                inputs,
                PromptAdapter(means.evaluate),
                is_over=lambda: (
                    means.failures_in_a_row >= MAX_FAILURES_IN_A_ROW
                    or means.calls_left < calls_for_a_round(count)
                ),
                reflect=means.complete,
            )

        return await run_in_thread(task, search)


def choose_input_count(max_calls: int, available: int) -> int:
    """Choose how many inputs to search on: room for two rounds, else for one, else none."""
    most = min(available, MAX_INPUTS)
    for rounds in (2, 1):
        for count in range(most, 0, -1):
            if count + rounds * calls_for_a_round(count) <= max_calls:
                return count
    return 0


def calls_for_a_round(input_count: int) -> int:
    """Count the most calls of a round: two texts on a few inputs, a reflection, one on all."""
    return 2 * min(MINIBATCH, input_count) + 1 + input_count
