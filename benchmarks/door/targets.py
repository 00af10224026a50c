"""What `benchmarks.door` sends requests to: our ways in, the bare provider, LiteLLM's proxy."""

import asyncio
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.door.figures import BARE, DOOR, GUIDE, LITELLM, SCORED, STREAMING
from benchmarks.instant_endpoint import CODER
from benchmarks.load_generator import BODY
from benchmarks.measured_system import ENDPOINT, MeasuredSystem, spawn, wait_until_ready
from benchmarks.own_ports import take_port
from services.common.database import connect
from services.common.task_types.registry import BUILT_IN_DIRECTORY

ALL_SCORED = "code_generation"
# The same task type, but next to none of its answers is scored: what serving alone costs.
UNSCORED = "unscored_code_generation"
SAMPLING = "sampling = { rules = 1e-9, judge = 1e-9 }\n"
PROXY = "litellm"
DATABASE_TIMEOUT_SECONDS = 30.0
INSERT_PROMPT = f"""
    INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
    SELECT '{UNSCORED}', content, 1, TRUE, 'to be measured', 'benchmark'
    FROM prompts WHERE task_type = '{ALL_SCORED}' AND is_active
"""
LITELLM_CONFIG = """\
model_list:
  - model_name: {model}
    litellm_params:
      model: openai/{model}
      api_base: {base_url}
      api_key: not-a-key
"""


@dataclass(frozen=True, slots=True)
class Target:
    """A way in.

    Attributes:
        url: Where requests are sent.
        body: What they are.
        parts: The processes whose CPU is what it costs.
        is_scored_later: Whether scores follow the answers, which is measured too.
    """

    url: str
    body: bytes
    parts: Sequence[str] = ()
    is_scored_later: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether its answers come in pieces."""
        return bool(json.loads(self.body).get("stream"))


def list_targets(system: MeasuredSystem, litellm_url: str | None) -> dict[str, Target]:
    """List the ways in by name; LiteLLM's only where its proxy runs."""
    provider = f"{system.settings.llm_base_url}/chat/completions"
    door = f"{system.settings.manager_url}/v1/chat/completions"
    serving, all_services = ("manager", "worker"), ("manager", "worker", "evaluator")
    targets = {
        BARE: Target(provider, _body(CODER), (ENDPOINT,)),
        BARE + STREAMING: Target(provider, _body(CODER, stream=True), (ENDPOINT,)),
        DOOR: Target(door, _body(UNSCORED), serving),
        DOOR + STREAMING: Target(door, _body(UNSCORED, stream=True), serving),
        SCORED: Target(door, _body(ALL_SCORED), all_services, is_scored_later=True),
        GUIDE: Target(system.request_url, BODY, all_services),
    }
    if litellm_url:
        url = f"{litellm_url}/v1/chat/completions"
        targets[LITELLM] = Target(url, _body(CODER), (PROXY,))
        targets[LITELLM + STREAMING] = Target(url, _body(CODER, stream=True), (PROXY,))
    return targets


def _body(model: str, *, stream: bool = False) -> bytes:
    asked = json.loads(BODY)["user_input"]
    request = {"model": model, "messages": [{"role": "user", "content": asked}]}
    return json.dumps(request | ({"stream": True} if stream else {})).encode()


def add_unscored_task_type(directory: Path, database_url: str) -> None:
    """Add a task type whose answers aren't scored to a system that doesn't run yet."""
    own = directory / "task_types" / UNSCORED
    shutil.copytree(BUILT_IN_DIRECTORY / ALL_SCORED, own)
    definition = own / "task_type.toml"
    definition.write_text(SAMPLING + definition.read_text("utf-8"), "utf-8")
    asyncio.run(_execute(database_url, INSERT_PROMPT))


async def _execute(database_url: str, statement: str) -> None:
    async with connect(database_url, timeout_seconds=DATABASE_TIMEOUT_SECONDS) as connection:
        await connection.execute(statement)


def start_litellm(program: Path, system: MeasuredSystem) -> str:
    """Start LiteLLM's proxy, one worker, before the same provider; returns its URL."""
    config = system.directory / "litellm.yaml"
    config.write_text(LITELLM_CONFIG.format(model=CODER, base_url=system.settings.llm_base_url))
    port = take_port()
    command = (
        str(program), "--config", str(config), "--host", "127.0.0.1", "--port", str(port),
        "--num_workers", "1", "--telemetry", "False",
    )  # fmt: skip
    # On loopback both proxies serve without keys, so that neither checks any.
    environment = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    log = system.directory / "litellm.log"
    system.processes[PROXY] = proxy = spawn(command, environment, log)
    url = f"http://127.0.0.1:{port}"
    wait_until_ready(proxy, f"{url}/health/liveliness", log)
    return url
