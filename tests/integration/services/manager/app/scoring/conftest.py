"""An answer of the door that waits for its score, and an Evaluator that says what it is told."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.common.errors import UpstreamError
from services.common.schemas import EvaluationRequest, EvaluationResponse

Connection = asyncpg.Connection
MESSAGES = [{"role": "user", "content": "Write a function that doubles a number."}]
CHOICES = [{"message": {"role": "assistant", "content": "x * 2"}, "finish_reason": "stop"}]
LeaveMarked = Callable[..., Awaitable[int]]


class FakeEvaluator:
    """Answers as told, or fails as told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.score, self.passed = 0.9, True
        self.detail: dict[str, Any] = {"judge": {"name": "fake"}}
        self.failing_code = ""
        self.asked: list[EvaluationRequest] = []

    async def evaluate(self, request: EvaluationRequest) -> EvaluationResponse:
        self.asked.append(request)
        if self.failing_code:
            raise UpstreamError("No.", upstream="evaluator", upstream_code=self.failing_code)
        return self.say(request.request_id)

    def say(self, request_id: UUID) -> EvaluationResponse:
        return EvaluationResponse(
            request_id=request_id, score=self.score, passed=self.passed, detail=self.detail
        )


@pytest.fixture
def evaluator() -> FakeEvaluator:
    return FakeEvaluator()


@pytest.fixture
def leave_marked(connection: Connection) -> LeaveMarked:
    """Writes a row with its conversation and its mark; returns its id."""

    async def leave(
        *, with_judge: bool = True, rules_share: float = 1.0, judge_share: float = 1.0
    ) -> int:
        request_id = uuid4()
        row: int = await connection.fetchval(
            "INSERT INTO execution_logs (request_id, task_type, user_input, refined_input,"
            " prompt_version, worker_output, evaluation_detail)"
            " VALUES ($1, 'code_generation', $2, $2, 1, 'x * 2', $3) RETURNING id",
            request_id,
            MESSAGES[0]["content"],
            {"worker": {"model": "m"}},
        )
        await connection.execute(
            "INSERT INTO selfheal.conversations (execution_id, request_id, messages, choices,"
            " finish_reason, model_asked) VALUES ($1, $2, $3, $4, 'stop', 'code_generation')",
            row,
            request_id,
            json.loads(json.dumps(MESSAGES)),
            CHOICES,
        )
        await connection.execute(
            "INSERT INTO selfheal.pending_scores (execution_id, task_type, with_judge, rules_share,"
            " judge_share) VALUES ($1, 'code_generation', $2, $3, $4)",
            row,
            with_judge,
            rules_share,
            judge_share,
        )
        return row

    return leave
