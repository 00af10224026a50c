from pathlib import Path

import pytest

from selfheal.runtime.diagnosis import (
    Verdict,
    check_disk,
    check_provider,
    check_python,
    check_webhook,
)
from services.common.config import Settings


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        ((3, 10, 14), Verdict.FAIL),
        ((3, 11, 0), Verdict.OK),
        ((3, 13, 9), Verdict.OK),
        ((3, 14, 0), Verdict.FAIL),
    ],
)
def test_python_has_to_be_a_supported_version(version: tuple[int, ...], verdict: Verdict) -> None:
    assert check_python(version).verdict is verdict


@pytest.mark.parametrize(
    ("free_bytes", "verdict"),
    [(10**10, Verdict.OK), (5 * 10**8, Verdict.WARN), (10**8, Verdict.FAIL)],
)
def test_disk_space_is_judged(free_bytes: int, verdict: Verdict) -> None:
    check = check_disk(free_bytes, Path("/home/a/.selfheal"))
    assert check.verdict is verdict
    assert bool(check.remedy) is (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("values", "has_langchain", "verdict"),
    [
        ({"llm_provider": "simulated"}, False, Verdict.OK),
        ({"llm_provider": "local"}, False, Verdict.OK),
        ({"llm_provider": "openai", "llm_api_key": None, "llm_base_url": ""}, True, Verdict.FAIL),
        ({"llm_provider": "openai", "llm_api_key": "sk-secret"}, False, Verdict.OK),
        ({"llm_provider": "openai", "llm_base_url": "http://127.0.0.1:1/v1"}, False, Verdict.OK),
        ({"llm_provider": "anthropic", "llm_api_key": "sk-secret"}, False, Verdict.FAIL),
        ({"llm_provider": "anthropic", "llm_api_key": "sk-secret"}, True, Verdict.OK),
    ],
)
def test_the_provider_is_judged_without_showing_its_key(
    values: dict[str, object], has_langchain: bool, verdict: Verdict
) -> None:
    check = check_provider(Settings(**values), has_langchain=has_langchain)
    assert check.verdict is verdict
    assert "sk-secret" not in check.found + check.remedy


@pytest.mark.parametrize(
    ("url", "words"),
    [(None, "set NOTIFY_WEBHOOK_URL"), ("https://hooks.example.com/s3cret", "URL is set")],
)
def test_the_webhook_is_told_of_without_its_address(url: str | None, words: str) -> None:
    check = check_webhook(Settings(notify_webhook_url=url))
    assert check.verdict is Verdict.OK
    assert words in check.found
    assert "s3cret" not in check.found + check.remedy
