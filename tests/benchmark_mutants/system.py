"""A system that does what the guide says and no more; each method is a place to plant a defect."""

import json
import re
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmark_mutants.mock_model import generate
from benchmark_mutants.tables import Tables

SERVICES = ("manager", "worker", "evaluator")
PASS_THRESHOLD = 0.7


class BadRequestError(Exception):
    """A request that lacks something."""


class UnknownTaskTypeError(Exception):
    """No prompt serves the task type."""


class DropConnectionError(Exception):
    """The service breaks off without an answer."""


class System:
    """Manager, Worker and Evaluator; right in every respect."""

    bad_request_status = 400
    unknown_task_status = 404

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.requests = {name: {"success": 0, "error": 0} for name in SERVICES}
        self.scores: list[float] = []
        self.prompt_version = 0

    # --- Worker ---------------------------------------------------------------------------

    def load_prompt(self, task_type: str) -> tuple[str, int]:
        """The active prompt and its version, at every request."""
        rows = self.tables.fetch(
            "SELECT content, version FROM prompts WHERE task_type = $1 AND is_active "
            "ORDER BY version DESC LIMIT 1",
            task_type,
        )
        if not rows:
            raise UnknownTaskTypeError(task_type)
        return rows[0]["content"], rows[0]["version"]

    def perform(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /api/v1/task."""
        started = time.perf_counter()
        prompt, version = self.load_prompt(body["task_type"])
        self.prompt_version = version
        return {
            "request_id": body["request_id"],
            "output": self.generate(prompt, body["refined_input"]),
            "prompt_version": version,
            "latency_ms": round((time.perf_counter() - started) * 1000),
        }

    def generate(self, prompt: str, refined_input: str) -> str:
        """Ask the model."""
        return generate(prompt, refined_input)

    # --- Evaluator ------------------------------------------------------------------------

    def evaluate(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /api/v1/evaluate."""
        score = self.score(body["worker_output"])
        self.scores.append(score)
        return {
            "request_id": body["request_id"],
            "score": score,
            "passed": score >= PASS_THRESHOLD,
            "detail": {"rule": score, "llm": score},
        }

    def score(self, output: str) -> float:
        """Rules 40 %, mock model 60 %."""
        checks = (r"\bdef \w+\(", r"\breturn\b", r'"""', r"->", r"\w{3}")
        rule = sum(bool(re.search(check, output)) for check in checks) / len(checks)
        model = 0.9 if re.search(r"\bdef \w+\(", output) else 0.3
        return round(rule * 0.4 + model * 0.6, 3)

    # --- Manager --------------------------------------------------------------------------

    def refine(self, user_input: str) -> str:
        """Tidy the input up."""
        return " ".join(user_input.split())

    def handle(self, body: dict[str, Any]) -> dict[str, Any]:
        """POST /api/v1/request."""
        request_id = self.new_request_id()
        refined = self.refine(body["user_input"])
        task = {"request_id": request_id, "task_type": body["task_type"], "refined_input": refined}
        done = self.perform(task)
        judged = self.evaluate(task | {"worker_output": done["output"], **body})
        answer = {
            "request_id": request_id,
            "refined_input": refined,
            "worker_output": done["output"],
            "evaluation_score": judged["score"],
            "evaluation_passed": judged["passed"],
            "prompt_version": done["prompt_version"],
        }
        self.log(answer, body)
        return self.present(answer)

    def new_request_id(self) -> str:
        """A UUID."""
        return str(uuid.uuid4())

    def log(self, answer: dict[str, Any], body: dict[str, Any]) -> None:
        """A row a request."""
        self.tables.fetch(
            "INSERT INTO execution_logs (request_id, task_type, user_input, refined_input, "
            "prompt_version, worker_output, evaluation_score, evaluation_passed) "
            "VALUES ($1::text::uuid, $2, $3, $4, $5, $6, $7, $8)",
            answer["request_id"],
            body["task_type"],
            body["user_input"],
            answer["refined_input"],
            answer["prompt_version"],
            answer["worker_output"],
            answer["evaluation_score"],
            answer["evaluation_passed"],
        )

    def present(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer as it goes out."""
        return answer

    # --- What all services have -------------------------------------------------------------

    def health(self, service: str) -> dict[str, Any]:
        """GET /health."""
        return {"status": "ok", "service": service, "version": "1.0"}

    def metrics(self, service: str) -> str | None:
        """GET /metrics/; None for no such endpoint."""
        counts = self.requests[service]
        lines = [
            "# TYPE agent_requests_total counter",
            *(
                f'agent_requests_total{{service="{service}",status="{status}"}} {count}'
                for status, count in counts.items()
            ),
        ]
        if service == "worker":
            lines.append(
                f'agent_prompt_version{{task_type="code_generation"}} {self.prompt_version}'
            )
        if service == "evaluator":
            lines.append(f"agent_evaluation_score_count {len(self.scores)}")
            lines.append(f"agent_evaluation_score_sum {sum(self.scores)}")
        return "\n".join(lines) + "\n"

    def error(self, status: int, message: str) -> tuple[int, str, str]:
        """Status, content type and body of an error."""
        return status, "application/json", json.dumps({"error": message})

    def serve_post(self, service: str, path: str, raw: bytes) -> tuple[int, str, str]:
        """Any POST."""
        routes = {
            ("manager", "/api/v1/request"): (self.handle, ("user_input", "task_type")),
            ("worker", "/api/v1/task"): (
                self.perform,
                ("request_id", "task_type", "refined_input"),
            ),
            ("evaluator", "/api/v1/evaluate"): (
                self.evaluate,
                ("request_id", "task_type", "user_input", "refined_input", "worker_output"),
            ),
        }
        if (service, path) not in routes:
            return self.error(404, "no such path")
        work, fields = routes[service, path]
        try:
            answer = work(self.read_body(raw, fields))
        except BadRequestError as error:
            self.requests[service]["error"] += 1
            return self.refuse(error)
        except UnknownTaskTypeError as error:
            self.requests[service]["error"] += 1
            return self.refuse_task_type(error)
        self.requests[service]["success"] += 1
        return 200, "application/json", json.dumps(answer)

    def read_body(self, raw: bytes, fields: tuple[str, ...]) -> dict[str, Any]:
        """The body as an object with text in each field."""
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise BadRequestError("the body is no JSON") from error
        if not isinstance(body, dict):
            raise BadRequestError("the body is no object")
        for field in fields:
            if not isinstance(body.get(field), str):
                raise BadRequestError(f"{field} is missing")
            if "\0" in body[field] or not body[field].isascii():
                raise BadRequestError(f"{field} can't be read")
        return body

    def refuse(self, error: BadRequestError) -> tuple[int, str, str]:
        """How a malformed request is met."""
        return self.error(self.bad_request_status, str(error))

    def refuse_task_type(self, error: UnknownTaskTypeError) -> tuple[int, str, str]:
        """How a request for a task that has no prompt is met."""
        return self.error(self.unknown_task_status, f"unknown task type {error}")

    def serve_get(self, service: str, path: str) -> tuple[int, str, str]:
        """Any GET."""
        if path == "/health":
            return 200, "application/json", json.dumps(self.health(service))
        text = self.metrics(service) if path in ("/metrics", "/metrics/") else None
        if text is None:
            return self.error(404, "no such path")
        return 200, "text/plain", text


class Servers:
    """The three services of a system on ports of their own; a service that is down has none."""

    def __init__(self, system: System, *, down: tuple[str, ...] = ()) -> None:
        self._servers = {
            name: ThreadingHTTPServer(("127.0.0.1", 0), make_handler(system, name))
            for name in SERVICES
        }
        self.urls = {
            name: f"http://127.0.0.1:{server.server_port}" for name, server in self._servers.items()
        }
        self._threads = []
        for name, server in self._servers.items():
            if name in down:
                server.server_close()
                continue
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            self._threads.append((server, thread))

    def close(self) -> None:
        """Stop serving."""
        for server, thread in self._threads:
            server.shutdown()
            thread.join()
            server.server_close()


def make_handler(system: System, service: str) -> type[BaseHTTPRequestHandler]:
    """The HTTP side of one service."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(*system.serve_get(service, self.path))

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                self._answer(*system.serve_post(service, self.path, raw))
            except DropConnectionError:
                self.connection.close()

        def _answer(self, status: int, content_type: str, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", text)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
