"""The demo, played whole on the simulated model."""

import json
from pathlib import Path

from support.running_system import make_system


def test_the_demo_breaks_proves_and_heals_and_leaves_nothing(tmp_path: Path) -> None:
    system = make_system(tmp_path)
    done = system.selfheal("demo", "--llm", "simulated", "--json")
    outcome = json.loads(done.stdout)
    assert outcome["problems"] == outcome["through_door"]["problems"] == []
    assert outcome["through_door"]["broken"]["mean_score"] < 0.5
    assert outcome["through_door"]["healed"]["prompt_version"] > outcome["healed"]["prompt_version"]
    assert outcome["broken"]["mean_score"] < 0.5
    assert outcome["healed"]["mean_score"] >= 0.7
    assert outcome["healed"]["prompt_version"] == 100
    assert "by chance that happens in 4.0% at most" in outcome["repair"]
    left = [path.name for path in (tmp_path / ".selfheal" / "demo").iterdir()]
    assert left == ["lock"]


def test_the_demo_refuses_to_break_a_prompt_in_somebodys_own_database(tmp_path: Path) -> None:
    system = make_system(tmp_path)
    system.environment["DATABASE_URL"] = "postgresql://agent@127.0.0.1:1/agent_system"
    done = system.selfheal("demo", "--llm", "simulated", check=False)
    assert done.returncode == 1
    assert "DATABASE_URL is set" in done.stderr
