"""What `up` doesn't start, and a profile does."""

import json

from support.containers import Containers, ask, poll_until
from support.running_system import GUIDE_INJECTION

CODE_GENERATION = "task_type = 'code_generation'"


def test_up_starts_the_services_and_no_optimizer(containers: Containers) -> None:
    containers.up()
    listed = containers.compose("ps", "--all", "--format", "json").stdout
    states = {row["Service"]: row["State"] for row in map(json.loads, listed.splitlines())}
    assert states == {
        "postgres": "running",
        "migrate": "exited",
        "worker": "running",
        "evaluator": "running",
        "manager": "running",
    }


def test_the_optimizer_takes_its_own_flags(containers: Containers) -> None:
    previewed = containers.compose("run", "--rm", "optimizer", "--dry-run")
    assert "no task types need optimization" in previewed.stdout
    wrong = containers.compose("run", "--rm", "optimizer", "--nonsense", check=False)
    assert wrong.returncode == 2
    assert "usage:" in wrong.stderr


def test_the_operators_command_line_reaches_the_system(containers: Containers) -> None:
    asked = containers.compose("run", "--rm", "selfheal", "request", "Write a function to add")
    assert "def " in asked.stdout
    listed = containers.compose("run", "--rm", "selfheal", "prompts", "list", "--json")
    assert json.loads(listed.stdout)


def test_the_autopilot_heals_by_itself(containers: Containers) -> None:
    containers.psql(GUIDE_INJECTION)
    for _ in range(5):
        assert ask()[1]["evaluation_passed"] is False
    containers.compose("--profile=autopilot", "up", "--detach", "--wait")
    assert poll_until(lambda: ask()[1]["evaluation_passed"] is True)
    by = containers.psql("SELECT triggered_by FROM optimization_reports ORDER BY id")
    assert by == "autopilot"
    containers.compose("--profile=autopilot", "rm", "--stop", "--force", "autopilot")


def test_the_local_model_answers_from_its_container(containers: Containers) -> None:
    local = containers.having(LLM_PROVIDER="local")
    local.compose("--profile=local", "up", "--detach", "--wait")
    status, answer = ask("Write a function to sort a list")
    assert (status, answer["model"]) == (200, "SmolLM2-135M-Instruct")
    assert answer["worker_output"]
