"""Calls of the graded services, as the guide's API gives them."""

import uuid
from collections.abc import Mapping

from grading.answers import EVALUATION_FIELDS, REQUEST_FIELDS, find_field_problems
from grading.guide import TASK_TYPE
from grading.http import NO_CREDENTIALS, Reply, send
from grading.metrics_text import parse_metrics
from grading.observations import (
    EVALUATOR,
    MANAGER,
    SERVICES,
    WORKER,
    EvaluationSeen,
    Exchange,
    Scrape,
)

HEALTH_TIMEOUT_SECONDS = 10.0
METRICS_TIMEOUT_SECONDS = 10.0
OK = 200
REQUEST_PATH, TASK_PATH, EVALUATE_PATH = "/api/v1/request", "/api/v1/task", "/api/v1/evaluate"


class Services:
    """The three services by their URLs.

    Args:
        credentials: Headers by which each service knows its caller, where it wants to.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        *,
        timeout_seconds: float,
        credentials: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.urls = urls
        self._credentials = credentials or {}
        self._timeout_seconds = timeout_seconds

    def check_health(self) -> dict[str, Reply]:
        """Ask each service how it is."""
        return {
            name: send(f"{self.urls[name]}/health", timeout_seconds=HEALTH_TIMEOUT_SECONDS)
            for name in SERVICES
        }

    def request(self, task: str, *, active_version: int | None) -> Exchange:
        """Send a request through the whole system."""
        body = {"user_input": task, "task_type": TASK_TYPE}
        reply = self.ask(MANAGER, REQUEST_PATH, body)
        problems = find_field_problems(reply.fields, REQUEST_FIELDS) if reply.status == OK else []
        return Exchange(task, reply, tuple(problems), active_version)

    def perform(self, task: str) -> Reply:
        """Ask the Worker alone."""
        body = {"request_id": str(uuid.uuid4()), "task_type": TASK_TYPE, "refined_input": task}
        return self.ask(WORKER, TASK_PATH, body)

    def evaluate(self, task: str, output: str, *, refined_input: str = "") -> EvaluationSeen:
        """Ask the Evaluator alone."""
        body = {
            "request_id": str(uuid.uuid4()),
            "task_type": TASK_TYPE,
            "user_input": task,
            "refined_input": refined_input or task,
            "worker_output": output,
        }
        reply = self.ask(EVALUATOR, EVALUATE_PATH, body)
        problems = find_field_problems(reply.fields, EVALUATION_FIELDS)
        return EvaluationSeen(output, reply, tuple(problems) if reply.status == OK else ())

    def scrape(self) -> Scrape:
        """Read each service's metrics."""
        replies = {
            name: send(
                f"{self.urls[name]}/metrics/",
                timeout_seconds=METRICS_TIMEOUT_SECONDS,
                credentials=self._credentials.get(name, NO_CREDENTIALS),
            )
            for name in SERVICES
        }
        samples = {
            name: parse_metrics(reply.text) if reply.status == OK else None
            for name, reply in replies.items()
        }
        return Scrape(replies, {name: found or None for name, found in samples.items()})

    def ask(self, service: str, path: str, body: object = None) -> Reply:
        """Post a body as JSON, or bytes that claim to be JSON, to a service; without one, get."""
        url = f"{self.urls[service]}{path}"
        return send(
            url,
            body=body,
            timeout_seconds=self._timeout_seconds,
            credentials=self._credentials.get(service, NO_CREDENTIALS),
        )
