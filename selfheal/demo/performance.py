"""Plays a story on a running system; everything it reports is measured in that run."""

import time
from typing import Any, Protocol

import asyncpg
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from selfheal.demo.outcome import Act, Outcome
from selfheal.demo.story import TASK_TYPE, Story
from selfheal.manager_client import send_request, stream_chat, wait_for_score
from selfheal.operator_database import ask_database
from selfheal.optimizer_run import Event, OptimizerRun, describe_event, run_optimizer
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.config import Settings
from services.common.evaluation_detail import read_detail
from services.common.presentation.detail_reading import show_line
from services.common.schemas import AgentResponse

# The workshop's own statements: a deploy by hand, past every safeguard.
DEACTIVATE = "UPDATE prompts SET is_active = FALSE WHERE task_type = $1"
DEPLOY = """
    INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
    VALUES ($1, $2, $3, TRUE, 'demo: bad prompt', 'mentor')
"""
SCORE_SECONDS = 120.0
AFTER_CODE_BLOCK = "\n```\n\n"
SELECT_REPORT = """
    SELECT before_prompt_version, before_prompt_content, after_prompt_version,
           failure_analysis, improvement_pct
    FROM optimization_reports
    WHERE id = $1
"""


class Send(Protocol):
    """Has a request answered and scored."""

    def __call__(self, settings: Settings, user_input: str, *, task_type: str) -> AgentResponse:
        """Send the request, and return what came of it."""


class Narrator:
    """Prints the story as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_act(self, title: str, what: str) -> None:
        """Print a heading."""
        self._console.print(Rule(Text(title, style="bold"), align="left"))
        self._console.print(Text(what, style="italic"))

    def on_response(self, request: str, response: AgentResponse, seconds: float) -> None:
        """Print a line: verdict, score, version, and how the answer begins."""
        passed = response.evaluation_passed
        self._console.print(
            Text.assemble(
                ("pass " if passed else "FAIL ", "green" if passed else "bold red"),
                f"{response.evaluation_score:.3f}  v{response.prompt_version:<4}{seconds:5.1f} s  ",
                (show_line(request, most=42), "bold"),
                ("  " + show_line(response.worker_output, most=40), "dim"),
            ),
            no_wrap=True,
            overflow="ellipsis",
        )

    def on_event(self, event: Event) -> None:
        """Print the Optimizer's own words."""
        self._console.print(Text(describe_event(event)), overflow="fold")


def send_through_door(settings: Settings, user_input: str, *, task_type: str) -> AgentResponse:
    """Have a request answered in a stream, as an application would, and wait for its score.

    Raises:
        EmbeddedRuntimeError: If there is no answer, or no score.
    """
    messages = [{"role": "user", "content": user_input}]
    # What the guide's route does itself for a model that talks on, a client at the door asks for.
    fields = {"stop": [AFTER_CODE_BLOCK]} if settings.stop_after_code_block else None
    with stream_chat(settings, messages, task_type=task_type, fields=fields) as answer:
        for _ in answer.pieces:
            pass
    path = answer.headers["x-selfheal-evaluation"]
    row = wait_for_score(settings, path, seconds=SCORE_SECONDS)
    if row.evaluation_score is None or row.evaluation_passed is None:
        raise EmbeddedRuntimeError(
            f"The answer to request {row.request_id} has no score: {row.evaluation}.",
            remedy=f"See: selfheal explain {row.request_id}",
        )
    detail = read_detail(row.evaluation_detail)
    return AgentResponse(
        request_id=row.request_id,
        refined_input=row.refined_input,
        worker_output=row.worker_output or "",
        evaluation_score=row.evaluation_score,
        evaluation_passed=row.evaluation_passed,
        prompt_version=row.prompt_version or 0,
        model=detail.worker.model,
        judge=detail.judge.name,
    )


def perform(
    story: Story, settings: Settings, narrator: Narrator, send: Send = send_request
) -> Outcome:
    """Play the story.

    Args:
        send: Has a request answered: by the guide's route, or through the door.

    Raises:
        EmbeddedRuntimeError: If the system fails in the middle.
    """

    def send_all(title: str, *, replays: int = 0) -> Act:
        return _send_all(title, story, settings, narrator, send, replays=replays)

    narrator.on_act("1. Healthy", "a good prompt serves")
    before = send_all("before")
    narrator.on_act("2. A bad deploy", f'prompt v{story.version}: "{story.bad_prompt}"')
    _deploy(story, settings)
    broken = send_all("broken")
    narrator.on_act("3. The Optimizer", "finds the failures, proves a repair on replays")
    started = time.monotonic()
    run = run_optimizer(settings, narrator.on_event, triggered_by="demo")
    optimizer_seconds = time.monotonic() - started
    if run.exit_code:
        raise EmbeddedRuntimeError(
            f"The Optimizer's run failed with exit code {run.exit_code}.",
            remedy="Its last line says why.",
        )
    narrator.on_act("4. The same requests again", "no code changed, nothing was restarted")
    healed = send_all("healed", replays=_replays(run))
    return Outcome(before, broken, healed, _load_report(run, settings), optimizer_seconds)


def _send_all(
    title: str,
    story: Story,
    settings: Settings,
    narrator: Narrator,
    send: Send,
    *,
    replays: int = 0,
) -> Act:
    started = time.monotonic()
    responses = []
    for request in story.requests:
        sent = time.monotonic()
        response = send(settings, request, task_type=TASK_TYPE)
        narrator.on_response(request, response, time.monotonic() - sent)
        responses.append(response)
    return Act(
        title,
        tuple(responses),
        seconds=time.monotonic() - started,
        model_calls=len(responses) + replays,
    )


def _deploy(story: Story, settings: Settings) -> None:
    async def deploy(connection: asyncpg.Connection) -> None:
        await connection.execute(DEACTIVATE, TASK_TYPE)
        await connection.execute(DEPLOY, TASK_TYPE, story.bad_prompt, story.version)

    ask_database(settings, deploy)


def _replays(run: OptimizerRun) -> int:
    """Count the Worker calls that the Optimizer's run took."""
    event = run.find("prompt_patched") or run.find("optimization_held") or {}
    return int(event.get("worker_calls", 0))


def _load_report(run: OptimizerRun, settings: Settings) -> dict[str, Any] | None:
    patched = run.find("prompt_patched")
    if patched is None:
        return None

    async def select(connection: asyncpg.Connection) -> dict[str, Any] | None:
        record = await connection.fetchrow(SELECT_REPORT, patched["report_id"])
        return dict(record) if record else None

    return ask_database(settings, select)
