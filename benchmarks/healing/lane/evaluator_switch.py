"""Stands between the system and its Evaluator: passes on, refuses, or scores as another would."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import aiohttp
from aiohttp import web

from services.evaluator.app.services.scorer import PASS_THRESHOLD

STRICTNESS: Final = 0.7
OTHER_FINGERPRINT: Final = "0ther-eva1uat0r"
EVALUATE_PATH: Final = "/api/v1/evaluate"


class EvaluatorCondition(StrEnum):
    """Condition that the Evaluator is in, as seen through the switch."""

    WELL = "well"
    DOWN = "evaluator_down"
    CHANGED = "evaluator_changed"


@dataclass(slots=True)
class EvaluatorSwitch:
    """A proxy before the Evaluator: passes calls on, refuses them, or scores them as another would.

    Attributes:
        session: Reaches the Evaluator.
        evaluator_url: Where it is.
        condition: How it does now.
    """

    session: aiohttp.ClientSession
    evaluator_url: str
    condition: EvaluatorCondition = EvaluatorCondition.WELL

    def application(self) -> web.Application:
        """Make the web application of the switch."""
        application = web.Application(client_max_size=4 << 20)
        application.router.add_route("*", "/{path:.*}", self._pass_on)
        return application

    async def _pass_on(self, request: web.Request) -> web.Response:
        if self.condition is EvaluatorCondition.DOWN:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        headers = {
            name: request.headers[name]
            for name in ("Content-Type", "X-Request-ID", "X-Internal-Token")
            if name in request.headers
        }
        async with self.session.request(
            request.method,
            self.evaluator_url + request.path_qs,
            data=await request.read(),
            headers=headers,
        ) as response:
            content = await response.read()
            status = response.status
        if self.condition is EvaluatorCondition.CHANGED and request.path == EVALUATE_PATH:
            content = score_strictly(content)
        return web.Response(body=content, status=status, content_type="application/json")


def score_strictly(content: bytes) -> bytes:
    """Turn an evaluation into that of a stricter evaluator with another fingerprint."""
    evaluation: dict[str, Any] = json.loads(content)
    if "score" not in evaluation:
        return content
    evaluation["score"] *= STRICTNESS
    evaluation["passed"] = evaluation["score"] >= PASS_THRESHOLD
    evaluation["detail"].setdefault("evaluator", {})["fingerprint"] = OTHER_FINGERPRINT
    return json.dumps(evaluation).encode()
