"""Measures prompts on held-out inputs: through a lane's Worker and Evaluator, each text once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from uuid import UUID, uuid4

from benchmarks.healing.lane.database import TASK_TYPE
from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.records import Measurement
from benchmarks.measured_system import MeasurementError
from services.common.errors import UpstreamError
from services.common.evaluation_detail import EvaluationDetail, read_detail
from services.common.schemas import EvaluationRequest, TaskRequest
from services.common.siblings import EvaluatorClient, WorkerClient
from services.manager.app.services.refinement.rules import refine

TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Trial:
    """One answer to one input under one prompt.

    Attributes:
        output: The model's answer.
        score: In [0, 1].
        passed: The verdict.
        detail: Why, as the Evaluator says it.
    """

    output: str
    score: float
    passed: bool
    detail: EvaluationDetail


class PromptTrials:
    """Tries texts on inputs with a lane's model, past the Evaluator's switch.

    Args:
        lane: The lane.
        concurrency: Most tries at a time.
    """

    def __init__(self, lane: Lane, *, concurrency: int) -> None:
        self._lane = lane
        self._slots = asyncio.Semaphore(concurrency)
        settings = lane.settings.model_copy(
            update={
                "evaluator_url": lane.plan.evaluator_url,
                "worker_timeout_seconds": TIMEOUT_SECONDS,
                "evaluator_timeout_seconds": TIMEOUT_SECONDS,
            }
        )
        self._worker = WorkerClient(lane.session, settings)
        self._evaluator = EvaluatorClient(lane.session, settings)

    async def try_all(self, text: str, inputs: Sequence[str]) -> list[Trial | None]:
        """Try a text on inputs; None where the answer couldn't be had or scored."""
        candidate = await self._lane.database.register(text)

        async def try_one(user_input: str) -> Trial | None:
            try:
                return await self.try_one(candidate, user_input)
            except UpstreamError:
                return None

        return await asyncio.gather(*map(try_one, inputs))

    async def try_one(self, candidate: UUID, user_input: str) -> Trial:
        """Try a registered text on an input.

        Raises:
            UpstreamError: If Worker or Evaluator fails.
        """
        refined = refine(
            user_input, task_type=TASK_TYPE, language=self._lane.settings.default_language
        )
        async with self._slots:
            task = await self._worker.perform(
                TaskRequest(
                    request_id=uuid4(),
                    task_type=TASK_TYPE,
                    refined_input=refined,
                    candidate_id=candidate,
                )
            )
            evaluation = await self._evaluator.evaluate(
                EvaluationRequest(
                    request_id=uuid4(),
                    task_type=TASK_TYPE,
                    user_input=user_input,
                    refined_input=refined,
                    worker_output=task.output,
                )
            )
        detail = read_detail(evaluation.detail)
        return Trial(task.output, evaluation.score, evaluation.passed, detail)


@dataclass(slots=True)
class HeldOutMeter:
    """Measures texts, and remembers; lanes share one.

    Attributes:
        inputs: The held-out inputs.
        concurrency: Most tries at a time, in each lane.
    """

    inputs: Sequence[str]
    concurrency: int
    _known: dict[tuple[str, str], Measurement] = field(default_factory=dict)

    async def measure(self, lane: Lane, text: str) -> Measurement:
        """Measure a prompt text with the model that the lane has now.

        Raises:
            MeasurementError: If not one answer could be scored.
        """
        key = (text, str(lane.endpoint.condition))
        if key not in self._known:
            trials = await PromptTrials(lane, concurrency=self.concurrency).try_all(
                text, self.inputs
            )
            self._known[key] = summarise(trials)
        return self._known[key]


def summarise(trials: Sequence[Trial | None]) -> Measurement:
    """Compute the mean and the passes of the scored answers.

    Raises:
        MeasurementError: If nothing was.
    """
    scored = [trial for trial in trials if trial is not None]
    if not scored:
        raise MeasurementError("not one held-out answer could be scored")
    return Measurement(
        mean=fmean(trial.score for trial in scored),
        passed=sum(trial.passed for trial in scored),
        scored=len(scored),
        passes=tuple(trial.passed if trial else None for trial in trials),
    )
