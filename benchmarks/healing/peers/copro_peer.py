"""COPRO as a peer: DSPy's coordinate ascent over instructions, on the peer's task.

What DSPy's program is to COPRO, one predictor with an instruction, is here the task's system
prompt: the instruction goes to `evaluate` as it is, and DSPy's own prompt format stays out of it.
"""

import logging
from dataclasses import dataclass
from typing import Any

from benchmarks.healing.peers.copro_proposals import (
    ask_for_another,
    read_instruction,
    shorten_question,
)
from benchmarks.healing.peers.task import BudgetSpentError, PeerResult, PeerTask
from benchmarks.healing.peers.task_in_thread import CONCURRENCY, TaskInThread, run_in_thread
from services.common.errors import ServiceError

MAX_INPUTS = 5
MOST_BREADTH, LEAST_BREADTH = 10, 2
DEPTHS = (2, 1)
MODEL = "model-at-hand"
NOTHING = " "  # DSPy takes no empty reply


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """Extent of COPRO's search: number of inputs, of proposals a round, of rounds."""

    inputs: int
    breadth: int
    depth: int

    @property
    def calls(self) -> int:
        """All that COPRO will call: each proposal on each input, and a call to make it; the
        first of them is the incumbent, which takes no making."""
        return self.depth * self.breadth * (self.inputs + 1) - 1


def plan_search(max_calls: int, available: int) -> SearchPlan | None:
    """Plan the broadest search of two rounds that fits, else of one, else on fewer inputs."""
    for inputs in range(min(available, MAX_INPUTS), 0, -1):
        for depth in DEPTHS:
            breadth = min(MOST_BREADTH, (max_calls + 1) // (depth * (inputs + 1)))
            if breadth >= LEAST_BREADTH:
                return SearchPlan(inputs, breadth, depth)
    return None


class CoproPeer:
    """Coordinate prompt optimisation (Khattab et al. 2024, arXiv:2310.03714)."""

    name = "COPRO"
    package = "dspy"

    async def repair(self, task: PeerTask) -> PeerResult:
        """Search as broadly as the budget allows."""
        plan = plan_search(task.max_calls, len(task.train_inputs))
        if plan is None:
            return PeerResult(None, 0, 0.0, "no search fits into the budget")
        return await run_in_thread(task, lambda means: _search(means, plan))


def _search(means: TaskInThread, plan: SearchPlan) -> str | None:
    """Run COPRO; it blocks."""
    import dspy  # noqa: PLC0415 - optional, and three seconds

    task = means.task
    logging.getLogger("dspy").setLevel(logging.ERROR)  # it tells every evaluation
    copro = dspy.COPRO(
        prompt_model=_make_model(means),
        metric=lambda _example, prediction: prediction.score,
        breadth=plan.breadth,
        depth=plan.depth,
    )
    examples = [
        dspy.Example(request=request).with_inputs("request")
        for request in task.train_inputs[: plan.inputs]
    ]
    with dspy.context(adapter=_make_lenient_adapter(task.incumbent), disable_history=True):
        best = copro.compile(
            _make_program(means, task.incumbent),
            trainset=examples,
            eval_kwargs={"num_threads": CONCURRENCY, "display_progress": False},
        )
    prompt: str = best.answer.signature.instructions
    return None if prompt == task.incumbent else prompt


def _make_model(means: TaskInThread) -> Any:
    """Wrap the model at hand as a DSPy model."""
    import dspy  # noqa: PLC0415 - optional

    class QuietModel(dspy.LM):  # type: ignore[misc]
        def inspect_history(self, n: int = 1, file: Any = None) -> None:
            """Print nothing, where COPRO would print the history after every evaluation."""

    return QuietModel(MODEL, engine=_Engine(means), cache=False, num_retries=0)


def _make_program(means: TaskInThread, incumbent: str) -> Any:
    """Make a DSPy program whose only predictor holds the system prompt."""
    import dspy  # noqa: PLC0415 - optional

    def evaluate(prompt: str, request: str) -> Any:
        rollout = means.evaluate(prompt, [request])[0]
        return dspy.Prediction(answer=rollout.output, score=rollout.score)

    class PromptedSystem(dspy.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.answer = dspy.Predict(dspy.Signature("request -> answer", incumbent))
            # COPRO copies its programs deeply: a function stays what it is, `means` couldn't.
            self.evaluate = evaluate

        def forward(self, request: str) -> Any:
            return self.evaluate(self.answer.signature.instructions, request)

    return PromptedSystem()


def _make_lenient_adapter(incumbent: str) -> Any:
    """Make DSPy's chat adapter with a parser that takes what a small model writes."""
    import dspy  # noqa: PLC0415 - optional

    class LenientAdapter(dspy.ChatAdapter):  # type: ignore[misc]
        def parse(self, signature: Any, completion: str) -> dict[str, Any]:
            # The prefix that COPRO asks for as well reaches no model in DSPy 3.
            fields = dict.fromkeys(signature.output_fields, "")
            return fields | {
                "proposed_instruction": read_instruction(completion, fallback=incumbent)
            }

    return LenientAdapter()


class _Engine:
    """The model at hand as a DSPy engine."""

    def __init__(self, means: TaskInThread) -> None:
        self._means = means
        self._last_question = ""
        self._number = 0

    def complete(self, request: Any) -> Any:
        """Answer one request; a model that fails proposes nothing."""
        from dspy.lm15 import Message, Response, Usage  # noqa: PLC0415 - optional

        question = shorten_question(_read_question(request))
        self._number = self._number + 1 if question == self._last_question else 1
        self._last_question = question
        try:
            reply = self._means.complete(ask_for_another(question, self._number))
        except (ServiceError, BudgetSpentError):
            reply = NOTHING
        return Response(
            id=None,
            model=MODEL,
            message=Message.assistant(reply or NOTHING),
            finish_reason="stop",
            usage=Usage(),
        )


def _read_question(request: Any) -> str:
    """Turn a DSPy request into one plain prompt."""
    system = request.system or ""
    if not isinstance(system, str):
        system = "".join(part.text for part in system)
    return "\n\n".join([system, *(message.text or "" for message in request.messages)]).strip()
