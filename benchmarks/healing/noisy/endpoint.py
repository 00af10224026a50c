"""Serves a noisy model, and beside it a rewriter whose texts are known in truth."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

from benchmarks.healing.lane.lane import ANALYST
from benchmarks.healing.lane.model_endpoint import Body, make_completion, prompt_in, request_in
from benchmarks.healing.noisy.model import NoisyModel

ANALYSIS: Final = "The answers often go wrong."


@dataclass(slots=True)
class NoisyEndpoint:
    """Answers calls of the Worker as the model does, and those of the analyst from a list.

    Attributes:
        proposals: What the analyst proposes, in turn; nothing but its form is read.
    """

    model: NoisyModel
    proposals: tuple[str, ...]
    _turns: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._turns = cycle(self.proposals or ("",))

    async def complete(self, body: Body) -> Body:
        """Answer a chat completion request."""
        if body.get("model") == ANALYST:
            proposal = {"analysis": ANALYSIS, "prompt": next(self._turns)}
            return make_completion(body, json.dumps(proposal))
        return make_completion(body, self.model.draw(prompt_in(body), request_in(body)).text)
