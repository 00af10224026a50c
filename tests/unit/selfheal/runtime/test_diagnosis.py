from pathlib import Path

import pytest

from selfheal.runtime.diagnosis import (
    CheckResult,
    check_disk,
    check_network,
    check_provider,
    check_python,
    check_sandbox,
    check_webhook,
)
from services.common.config import Settings
from services.evaluator.app.sandbox import Availability


@pytest.mark.parametrize(
    ("version", "result"),
    [
        ((3, 10, 14), CheckResult.FAIL),
        ((3, 11, 0), CheckResult.OK),
        ((3, 13, 9), CheckResult.OK),
        ((3, 14, 0), CheckResult.FAIL),
    ],
)
def test_python_has_to_be_a_supported_version(
    version: tuple[int, ...], result: CheckResult
) -> None:
    assert check_python(version).result is result


@pytest.mark.parametrize(
    ("free_bytes", "result"),
    [(10**10, CheckResult.OK), (5 * 10**8, CheckResult.WARN), (10**8, CheckResult.FAIL)],
)
def test_disk_space_is_judged(free_bytes: int, result: CheckResult) -> None:
    check = check_disk(free_bytes, Path("/home/a/.selfheal"))
    assert check.result is result
    assert bool(check.remedy) is (result is not CheckResult.OK)


@pytest.mark.parametrize(
    ("values", "has_langchain", "result"),
    [
        ({"llm_provider": "simulated"}, False, CheckResult.OK),
        ({"llm_provider": "local"}, False, CheckResult.OK),
        (
            {"llm_provider": "openai", "llm_api_key": None, "llm_base_url": ""},
            True,
            CheckResult.FAIL,
        ),
        ({"llm_provider": "openai", "llm_api_key": "sk-secret"}, False, CheckResult.OK),
        (
            {"llm_provider": "openai", "llm_base_url": "http://127.0.0.1:1/v1"},
            False,
            CheckResult.OK,
        ),
        ({"llm_provider": "anthropic", "llm_api_key": "sk-secret"}, False, CheckResult.FAIL),
        ({"llm_provider": "anthropic", "llm_api_key": "sk-secret"}, True, CheckResult.OK),
    ],
)
def test_the_provider_is_judged_without_showing_its_key(
    values: dict[str, object], has_langchain: bool, result: CheckResult
) -> None:
    check = check_provider(Settings(**values), has_langchain=has_langchain)
    assert check.result is result
    assert "sk-secret" not in check.found + check.remedy


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
    ("settings", "result", "words"),
    [
        ({}, CheckResult.OK, "this machine alone, no key"),
        ({"require_keys": True}, CheckResult.OK, "this machine alone, keys"),
        ({"bind_host": "0.0.0.0"}, CheckResult.OK, "keys are asked for"),
        ({"bind_host": "0.0.0.0", "allow_open": "yes-i-know"}, CheckResult.WARN, "anybody may"),
        ({"allow_open": "yes-i-know"}, CheckResult.OK, "this machine alone"),
    ],
)
def test_who_reaches_the_services_is_told(
    settings: dict[str, object], result: CheckResult, words: str
) -> None:
    check = check_network(Settings(_env_file=None, **settings))  # type: ignore[arg-type]
    assert check.result is result
    assert words in check.found
    assert ("selfheal keys create" in check.remedy) is (result is CheckResult.WARN)
