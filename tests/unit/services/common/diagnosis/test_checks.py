import pytest

from services.common.config import Settings
from services.common.diagnosis.checks import (
    CheckResult,
    check_network,
    check_provider,
    check_python,
)


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
    own = Settings(_env_file=None, **settings)  # type: ignore[arg-type]
    check = check_network(own, asks=own.require_keys)
    assert check.result is result
    assert words in check.found
    assert ("selfheal keys create" in check.remedy) is (result is CheckResult.WARN)
