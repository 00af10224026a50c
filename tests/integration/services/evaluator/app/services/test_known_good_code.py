"""Code that is known to be right loads and answers plausible calls."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.common.task_types import task_type
from services.evaluator.app.sandbox import Sandbox, create_sandbox
from services.evaluator.app.services.behaviour.assessment import assess
from services.evaluator.app.services.behaviour.plan import plan_probes
from services.evaluator.app.services.behaviour.rules import Run, find_in_run
from services.evaluator.app.services.evidence import gather_evidence
from simulated_model.composition.answering import answer
from simulated_model.knowledge import find_task, load_tasks

SLOTS = 4
# Right answers that plausible calls take for wrong ones: what is looked for isn't there, and
# None says so.
FALSE_FAILS = {"majority_element", "deep_get"}
PROMPT = (Path(task_type.__file__).parent / "code_generation" / "prompt.txt").read_text("utf-8")
PRINT_PLANS = """
import json, sys
from services.evaluator.app.services.evidence import gather_evidence
from services.evaluator.app.services.behaviour.plan import plan_probes
for request, code in json.load(sys.stdin):
    evidence = gather_evidence(task_type="code_generation", user_input=request, answer=code)
    print(plan_probes(evidence))
"""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = create_sandbox("auto", SLOTS)
    availability = await sandbox.start()
    if not availability.is_available:
        pytest.skip(f"code isn't run on this machine: {availability.problem}")
    yield sandbox
    await sandbox.close()


def known_good() -> list[tuple[str, str, str]]:
    """Each task's name, a request for it and the simulated model's answer."""
    requests = {task.name: f"Write a Python function: {task.patterns[0]}." for task in load_tasks()}
    return [
        (name, request, answer(PROMPT, request))
        for name, request in requests.items()
        if (found := find_task(request)) is not None and found.name == name
    ]


async def test_a_run_finds_no_fault_in_right_code(sandbox: Sandbox) -> None:
    faults: dict[str, str] = {}
    free = asyncio.Semaphore(SLOTS)

    async def look_at(name: str, request: str, reply: str) -> None:
        evidence = gather_evidence(task_type="code_generation", user_input=request, answer=reply)
        plan = plan_probes(evidence)
        assert evidence.code is not None, name
        async with free:
            execution = await sandbox.run(evidence.code.source, plan.steps)
        found = find_in_run(Run(execution, assess(plan, execution)))
        faults.update((name, one.reason) for one in found.values() if one.outcome == "failed")

    await asyncio.gather(*(look_at(*known) for known in known_good()))
    assert faults.keys() == FALSE_FAILS, faults


def test_plans_are_the_same_in_every_process() -> None:
    known = json.dumps([(request, reply) for _, request, reply in known_good()])
    plans = {
        subprocess.run(
            [sys.executable, "-c", PRINT_PLANS],
            input=known,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(plans) == 1
