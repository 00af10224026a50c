"""Stands between the system and its Evaluator: passes on, refuses, or scores as another would."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from aiohttp import web

from benchmarks.healing.given_names import put_name_back, set_name_aside
from services.evaluator.app.services.scorer import PASS_THRESHOLD

STRICTNESS: Final = 0.7
LENIENT_SCORE: Final = 0.8
OTHER_FINGERPRINT: Final = "0ther-eva1uat0r"
EVALUATE_PATH: Final = "/api/v1/evaluate"


class EvaluatorCondition(StrEnum):
    """Condition that the Evaluator is in, as seen through the switch."""

    WELL = "well"
    DOWN = "evaluator_down"
    CHANGED = "evaluator_changed"
    HARSH = "evaluator_harsh"
    LENIENT = "evaluator_lenient"


@dataclass(slots=True)
class EvaluatorSwitch:
    """A proxy before the Evaluator: passes calls on, refuses them, or scores them as another would.

    Attributes:
        session: Reaches the Evaluator.
        evaluator_url: Where it is.
        condition: How it does now.
        remembers: Whether a second call with the same text, but for the name that the user gave,
            gets the first one's answer: where the Evaluator is deterministic, nothing is lost by it
            but time.
    """

    session: aiohttp.ClientSession
    evaluator_url: str
    condition: EvaluatorCondition = EvaluatorCondition.WELL
    remembers: bool = False
    _remembered: dict[str, str] = field(default_factory=dict)

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
        body = await request.read()
        is_evaluation = request.path == EVALUATE_PATH
        if is_evaluation and self.remembers:
            status, content = await self._recall(request, body)
        else:
            status, content = await self._ask(request, body)
        if is_evaluation and self.condition is not EvaluatorCondition.WELL:
            content = score_otherwise(content, self.condition)
        return web.Response(body=content, status=status, content_type="application/json")

    async def _ask(self, request: web.Request, body: bytes) -> tuple[int, bytes]:
        headers = {
            name: request.headers[name]
            for name in ("Content-Type", "X-Request-ID", "X-Internal-Token")
            if name in request.headers
        }
        async with self.session.request(
            request.method, self.evaluator_url + request.path_qs, data=body, headers=headers
        ) as response:
            return response.status, await response.read()

    async def _recall(self, request: web.Request, body: bytes) -> tuple[int, bytes]:
        asked: dict[str, Any] = json.loads(body)
        request_id = asked.pop("request_id")
        key, name = set_name_aside(json.dumps(asked, sort_keys=True))
        if key not in self._remembered:
            status, content = await self._ask(request, body)
            if status != HTTPStatus.OK:
                return status, content
            self._remembered[key], _ = set_name_aside(content.decode())
        known = put_name_back(self._remembered[key], name)
        evaluation = json.loads(known) | {"request_id": request_id}
        return HTTPStatus.OK, json.dumps(evaluation).encode()


def score_otherwise(content: bytes, condition: EvaluatorCondition) -> bytes:
    """Turn an evaluation into that of a stricter or milder evaluator.

    One that is told to have changed has another fingerprint; the others turned without a word.
    """
    evaluation: dict[str, Any] = json.loads(content)
    if "score" not in evaluation:
        return content
    if condition is EvaluatorCondition.LENIENT:
        evaluation["score"] = max(evaluation["score"], LENIENT_SCORE)
    else:
        evaluation["score"] *= STRICTNESS
    evaluation["passed"] = evaluation["score"] >= PASS_THRESHOLD
    if condition is EvaluatorCondition.CHANGED:
        evaluation["detail"].setdefault("evaluator", {})["fingerprint"] = OTHER_FINGERPRINT
    return json.dumps(evaluation).encode()
