from pathlib import Path

import pytest

from selfheal.runtime.diagnosis import (
    check_disk,
    check_sandbox,
    check_stopped_server,
    check_webhook,
)
from selfheal.runtime.states import ProcessStatus, State
from services.common.config import Settings
from services.common.diagnosis.checks import CheckResult
from services.evaluator.app.sandbox import Availability


@pytest.mark.parametrize(
    ("free_bytes", "result"),
    [(10**10, CheckResult.OK), (5 * 10**8, CheckResult.WARN), (10**8, CheckResult.FAIL)],
)
def test_disk_space_is_judged(free_bytes: int, result: CheckResult) -> None:
    check = check_disk(free_bytes, Path("/home/a/.selfheal"))
    assert check.result is result
    assert bool(check.remedy) is (result is not CheckResult.OK)


@pytest.mark.parametrize(
    ("url", "words"),
    [(None, "set NOTIFY_WEBHOOK_URL"), ("https://hooks.example.com/s3cret", "URL is set")],
)
def test_the_webhook_is_told_of_without_its_address(url: str | None, words: str) -> None:
    check = check_webhook(Settings(notify_webhook_url=url))
    assert check.result is CheckResult.OK
    assert words in check.found
    assert "s3cret" not in check.found + check.remedy


@pytest.mark.parametrize(
    ("availability", "result", "words"),
    [
        (Availability("jail", ("seccomp",)), CheckResult.OK, "jail: seccomp"),
        (
            Availability("jail", ("seccomp",), modules=("numpy",)),
            CheckResult.OK,
            "jail: seccomp, numpy",
        ),
        (
            Availability("none", problem="SANDBOX_MODULES: 'x' can't be imported"),
            CheckResult.WARN,
            "Mend SANDBOX_MODULES",
        ),
        (Availability("none", problem="no seccomp"), CheckResult.WARN, "Linux 5.13 or newer"),
    ],
)
def test_the_sandbox_is_tried_with_its_modules(
    availability: Availability, result: CheckResult, words: str
) -> None:
    check = check_sandbox("auto", lambda *_: availability, modules=["numpy"])
    assert check.result is result
    assert words in f"{check.found} {check.remedy}"


@pytest.mark.parametrize(
    ("state", "result", "words"),
    [
        (State.STOPPED, CheckResult.OK, "stopped"),
        (State.STARTING, CheckResult.OK, "starting"),
        (State.CRASHED, CheckResult.WARN, "selfheal up"),
        (State.UNHEALTHY, CheckResult.WARN, "selfheal logs --service postgres"),
    ],
)
def test_a_database_that_should_serve_and_does_not_is_warned_of(
    state: State, result: CheckResult, words: str
) -> None:
    check = check_stopped_server(ProcessStatus("postgres", state))
    assert check.result is result
    assert words in f"{check.found} {check.remedy}"
