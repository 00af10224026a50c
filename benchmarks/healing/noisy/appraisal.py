"""Appraises prompts: what they are worth in truth, and what the Evaluator would see of it.

The model's outcomes are few, so nothing is sampled: each distinct answer is scored once, and the
expectation is computed.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from benchmarks.healing.given_names import set_name_aside
from benchmarks.healing.lane.database import TASK_TYPE
from benchmarks.healing.lane.lane import Lane
from benchmarks.healing.noisy.model import NoisyModel
from benchmarks.healing.noisy.records import Worth
from benchmarks.healing.noisy.texts import find_group
from services.common.errors import UpstreamError
from services.common.schemas import EvaluationRequest
from services.common.siblings import EvaluatorClient
from services.manager.app.services.refinement.rules import refine

CONCURRENCY = 4
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class View:
    """What the Evaluator says of an answer; one that it can't judge is worth nothing to it."""

    score: float = 0.0
    passed: bool = False


@dataclass(slots=True)
class Appraiser:
    """Appraises prompts on the held-out inputs; lanes share one, and what it knows.

    Attributes:
        inputs: The held-out inputs, as users type them.
    """

    inputs: Sequence[str]
    _views: dict[tuple[str, str], View] = field(default_factory=dict)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONCURRENCY))

    async def appraise(
        self, lane: Lane, model: NoisyModel, prompt: str, shares: Mapping[str, float]
    ) -> Worth:
        """Compute what a prompt is worth to users of whom each group has its share."""
        asked = [(text, refine(text, task_type=TASK_TYPE)) for text in self.inputs]
        asking = Counter(find_group(refined) for _, refined in asked)
        weighed = [
            (shares[find_group(refined)] / asking[find_group(refined)] * one.chance, text, one)
            for text, refined in asked
            for one in model.outcomes(prompt, refined)
        ]
        views = await asyncio.gather(*(self.view(lane, text, one.text) for _, text, one in weighed))
        seen = list(zip(weighed, views, strict=True))
        return Worth(
            rate=round(sum(weight for weight, _, one in weighed if one.is_right), 4),
            seen_rate=round(sum(weight for (weight, *_), view in seen if view.passed), 4),
            seen_score=round(sum(weight * view.score for (weight, *_), view in seen), 4),
        )

    async def view(self, lane: Lane, user_input: str, answer: str) -> View:
        """Ask the Evaluator itself, past the switch, what it thinks of an answer; once."""
        key = user_input, answer = set_name_aside(user_input)[0], set_name_aside(answer)[0]
        if key not in self._views:
            settings = lane.settings.model_copy(
                update={
                    "evaluator_url": lane.plan.evaluator_url,
                    "evaluator_timeout_seconds": TIMEOUT_SECONDS,
                }
            )
            asked = EvaluationRequest(
                request_id=uuid4(),
                task_type=TASK_TYPE,
                user_input=user_input,
                refined_input=refine(user_input, task_type=TASK_TYPE),
                worker_output=answer,
            )
            async with self._slots:
                try:
                    seen = await EvaluatorClient(lane.session, settings).evaluate(asked)
                    self._views[key] = View(seen.score, seen.passed)
                except UpstreamError:
                    self._views[key] = View()
        return self._views[key]
