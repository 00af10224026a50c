"""Observations of a system that does everything right; tests change one thing of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from grading.answers import EVALUATION_FIELDS, REQUEST_FIELDS, find_field_problems
from grading.database.tables import Prompt
from grading.guide import BAD_PROMPTS, TASKS
from grading.http import Reply
from grading.observations import (
    EVALUATOR,
    MANAGER,
    SERVICES,
    WORKER,
    CycleSeen,
    EvaluationSeen,
    Exchange,
    LogRow,
    Observations,
    ProbeSeen,
    Scrape,
)
from grading.result import OptimizerRun

URLS = {MANAGER: "http://m", WORKER: "http://w", EVALUATOR: "http://e"}
REFUSED = Reply(None, "", "", 1.0, "connection refused")
REQUEST_ID = "7d0ab4ee-6f6e-4c0c-9f6c-0a5b5c1f2e3d"
SEED = Prompt(1, 1, "You are a Python code generator", is_active=False)
BAD = Prompt(2, 99, BAD_PROMPTS[0], is_active=False)
HEALED = Prompt(3, 100, "You are a Python code generator. Write code.", is_active=True)


def reply(content: object = None, *, status: int = 200, latency_ms: float = 20.0) -> Reply:
    """Make an answer in JSON."""
    return Reply(status, "application/json", json.dumps(content), latency_ms)


def page(status: int, text: str) -> Reply:
    """Make an answer in HTML."""
    return Reply(status, "text/html", text, 5.0)


def exchange(
    task: str = TASKS[0],
    *,
    score: float = 0.9,
    version: int = 1,
    active: int | None = None,
    output: str | None = None,
    latency_ms: float = 20.0,
    changes: Mapping[str, object] | None = None,
    without: Sequence[str] = (),
) -> Exchange:
    """Make a request that the Manager answered, and its row in the log."""
    answer = {
        "request_id": REQUEST_ID,
        "refined_input": task,
        "worker_output": f"def solve(): return {task!r}" if output is None else output,
        "evaluation_score": score,
        "evaluation_passed": score >= 0.7,
        "prompt_version": version,
        **(changes or {}),
    }
    answer = {name: value for name, value in answer.items() if name not in without}
    return Exchange(
        task,
        reply(answer, latency_ms=latency_ms),
        tuple(find_field_problems(answer, REQUEST_FIELDS)),
        version if active is None else active,
        LogRow(version, score, score >= 0.7),
    )


def unanswered(task: str = TASKS[0], *, status: int = 500) -> Exchange:
    """Make a request that failed."""
    return Exchange(task, reply({"detail": "no"}, status=status), (), 1)


def failing(**changes: Any) -> tuple[Exchange, ...]:
    """Make five requests under the bad prompt."""
    seen = {"score": 0.36, "version": BAD.version, "output": "Hello World", **changes}
    return (exchange(**seen),) * 5


def passing(**changes: Any) -> tuple[Exchange, ...]:
    """Make five requests after the heal, the last two of them for other things."""
    tasks = (TASKS[0],) * 3 + (TASKS[1], TASKS[2])
    return tuple(exchange(task, **{"version": HEALED.version, **changes}) for task in tasks)


def cycle(**changes: Any) -> CycleSeen:
    """Make a cycle in which everything went well."""
    seen = CycleSeen(
        number=1,
        tried=1,
        bad=BAD,
        before=failing(),
        optimizer=OptimizerRun(0, 1.5),
        prompts_after=(SEED, BAD, HEALED),
        known_ids=frozenset({SEED.id, BAD.id}),
        after=passing(),
        logged_before=5,
        logged_after=5,
        reports_after=1,
    )
    return replace(seen, **changes)


def evaluation(output: str, score: object, **changes: object) -> EvaluationSeen:
    """Make a direct call of the Evaluator."""
    passed = isinstance(score, float) and score >= 0.7
    answer = {"request_id": REQUEST_ID, "score": score, "passed": passed, "detail": {}, **changes}
    answer = {name: value for name, value in answer.items() if value is not ...}
    problems = find_field_problems(answer, EVALUATION_FIELDS)
    return EvaluationSeen(output, reply(answer), tuple(problems))


def scrape(requests: float, version: float, scores: float) -> Scrape:
    """Make a scrape that shows the three metrics, each at its place."""
    samples = {
        MANAGER: {'agent_requests_total{task_type="code_generation"}': requests},
        WORKER: {'agent_prompt_version{task_type="code_generation"}': version},
        EVALUATOR: {"agent_evaluation_score_count": scores},
    }
    return Scrape({name: reply() for name in SERVICES}, samples)


def observations(**changes: Any) -> Observations:
    """Make the observations of a system that does all that the guide says."""
    seen = Observations(
        urls=URLS,
        health={name: health(name) for name in SERVICES},
        health_after={name: health(name) for name in SERVICES},
        healthy=tuple(exchange(task) for task in TASKS[:3]),
        tasks={task: reply({"output": f"def solve(): {task!r}"}) for task in TASKS[:3]},
        cycles=(cycle(),),
        good=((evaluation("fenced", 0.9), evaluation("plain", 0.9)),),
        bad=(evaluation("Hello World", 0.2), evaluation("I am sorry", 0.1)),
        right_code=0.9,
        wrong_code=0.4,
        comparisons=(),
        probes=(ProbeSeen("manager_missing_fields", reply({"detail": "no"}, status=422)),),
        more_probes=(ProbeSeen("deep_json", reply({"detail": "no"}, status=400)),),
        first_scrape=scrape(1, 1, 1),
        last_scrape=scrape(11, 100, 11),
        active_at_end=HEALED.version,
        optimizer_command="docker compose run --rm optimizer",
    )
    return replace(seen, **changes)


def health(service: str, **changes: object) -> Reply:
    """Make the guide's answer to `/health`."""
    return reply({"status": "ok", "service": service, "version": "1.0.0", **changes})
