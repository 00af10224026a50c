"""The files that deploy the system, read."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def cron_job() -> dict[str, Any]:
    """The Optimizer's CronJob; a copy for each test, which may spoil it."""
    text = (ROOT / "deploy/kubernetes/optimizer-cronjob.yaml").read_text(encoding="utf-8")
    (document,) = yaml.safe_load_all(text)
    parsed: dict[str, Any] = document
    return parsed


@pytest.fixture
def pod(cron_job: dict[str, Any]) -> dict[str, Any]:
    """The specification of the pods that it makes."""
    found: dict[str, Any] = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return found


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """compose.yaml, which wires the same images."""
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    return parsed
