from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError
from support.rows import for_each

from services.common.config import (
    ConsoleSettings,
    EvaluatorSettings,
    ManagerSettings,
    OptimizerSettings,
    Settings,
    WorkerSettings,
    explain_settings_error,
)
from services.common.settings.process import ProcessSettings


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of ours is set, and the current directory has no `.env`."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def write_env_file(text: str, *, encoding: str = "utf-8") -> None:
    Path(".env").write_text(text, encoding=encoding)


def key_of(settings: Settings) -> str | None:
    return settings.llm_api_key.get_secret_value() if settings.llm_api_key else None


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("database_url", SecretStr("postgresql://agent:agent@localhost:5432/agent_system")),
        ("bind_host", "127.0.0.1"),
        ("manager_port", 8000),
        ("worker_port", 8001),
        ("evaluator_port", 8002),
        ("postgres_port", 5432),
        ("local_model_port", 8010),
        ("manager_url", "http://127.0.0.1:8000"),
        ("worker_url", "http://127.0.0.1:8001"),
        ("evaluator_url", "http://127.0.0.1:8002"),
        ("local_model_url", "http://127.0.0.1:8010/v1"),
        ("selfheal_home", Path(".selfheal")),
        ("llm_provider", "simulated"),
        ("llm_model", "simulated"),
        ("llm_api_key", None),
        ("llm_base_url", ""),
        ("judge_model", ""),
        ("optimizer_model", ""),
        ("refiner_model", ""),
        ("internal_token", None),
        ("optimizer_lookback_minutes", 30),
        ("optimizer_failure_threshold", 3),
        ("optimizer_triggered_by", "cronjob"),
        ("log_level", "INFO"),
    ],
)
def test_a_setting_that_nobody_sets_has_its_default(setting: str, value: object) -> None:
    assert getattr(Settings(), setting) == value


@pytest.mark.parametrize(
    ("service", "secrets"),
    [
        (
            ManagerSettings,
            {
                "database_url", "llm_api_key", "openai_api_key", "internal_token",
                "oidc_client_secret", "end_user_key",
            },
        ),
        (WorkerSettings, {"database_url", "llm_api_key", "openai_api_key", "internal_token"}),
        (EvaluatorSettings, {"llm_api_key", "openai_api_key", "internal_token"}),
        (
            OptimizerSettings,
            {
                "database_url", "llm_api_key", "openai_api_key", "internal_token",
                "notify_webhook_url",
            },
        ),
    ],
)  # fmt: skip
def test_a_service_reads_its_own_secrets_and_no_others(
    monkeypatch: pytest.MonkeyPatch, service: type[ProcessSettings], secrets: set[str]
) -> None:
    values = {
        "database_url": "postgresql://agent:hunter2@localhost/agent_system",
        "llm_api_key": "hunter2",
        "openai_api_key": "hunter2",
        "internal_token": "hunter2",
        "notify_webhook_url": "https://hooks.example.com/hunter2",
        "oidc_client_secret": "hunter2",
        "end_user_key": "hunter2" * 5,
    }
    for name, value in values.items():
        monkeypatch.setenv(name.upper(), value)
    read = dict(service())

    assert {name for name in read if isinstance(read[name], SecretStr)} == secrets
    assert set(read).isdisjoint(values.keys() - secrets)


def test_the_settings_of_the_whole_system_are_those_of_its_services_and_its_own() -> None:
    services = (
        ManagerSettings, WorkerSettings, EvaluatorSettings, OptimizerSettings, ConsoleSettings,
    )  # fmt: skip
    of_services = {name for service in services for name in service.model_fields}
    assert Settings.model_fields.keys() - of_services == {
        "postgres_port",
        "selfheal_api_key",
        "manager_database_url",
        "worker_database_url",
        "optimizer_database_url",
    }


@pytest.mark.parametrize(
    ("variables", "provider", "model"),
    [
        pytest.param({}, "simulated", "simulated", id="neither"),
        pytest.param({"LLM_API_KEY": "sk-1"}, "openai", "gpt-4.1-mini", id="a key alone"),
        pytest.param(
            {"LLM_API_KEY": "sk-1", "LLM_MODEL": "gpt-x"}, "openai", "gpt-x", id="key and model"
        ),
        pytest.param(
            {"LLM_API_KEY": "sk-1", "LLM_PROVIDER": "simulated"},
            "simulated",
            "simulated",
            id="the provider outranks the key",
        ),
        pytest.param(
            {"LLM_PROVIDER": "local"}, "local", "SmolLM2-135M-Instruct", id="the local model"
        ),
        pytest.param({"LLM_PROVIDER": "anthropic"}, "anthropic", "", id="a provider of its own"),
        pytest.param({"LLM_API_KEY": ""}, "simulated", "simulated", id="an empty key is no key"),
        pytest.param(
            {"LLM_PROVIDER": "", "LLM_API_KEY": "sk-1"},
            "openai",
            "gpt-4.1-mini",
            id="an empty provider is none",
        ),
    ],
)
def test_the_model_follows_from_provider_and_key(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], provider: str, model: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = Settings()

    assert (settings.llm_provider, settings.llm_model) == (provider, model)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("LLM_API_KEY=sk-1", "sk-1"),
        ("# LLM_API_KEY=sk-0\nLLM_API_KEY = 'sk-1'  # mine\n", "sk-1"),
        ("export LLM_API_KEY=sk-1\r\nLOG_LEVEL=DEBUG\r\n", "sk-1"),
        ("SOMETHING_ELSE=1\nLLM_API_KEY=sk-1\n", "sk-1"),
        ("LLM_API_KEY=\n", None),
        ("LLM_API_KEY=''\n", None),
        ("LLM_API_KEY", None),
    ],
    ids=["plain", "quoted", "exported", "among others", "empty", "empty quotes", "no value"],
)
def test_the_key_is_read_from_env_in_the_current_directory(text: str, key: str | None) -> None:
    write_env_file(text)
    settings = Settings()

    assert key_of(settings) == key
    assert settings.llm_provider == ("openai" if key else "simulated")


def test_an_env_file_that_an_editor_began_with_a_byte_order_mark_is_read_whole() -> None:
    write_env_file("LLM_API_KEY=sk-1\n", encoding="utf-8-sig")

    assert key_of(Settings()) == "sk-1"


def test_the_environment_outranks_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write_env_file("OPTIMIZER_LOOKBACK_MINUTES=45\nOPTIMIZER_FAILURE_THRESHOLD=5\n")
    monkeypatch.setenv("OPTIMIZER_LOOKBACK_MINUTES", "60")
    settings = Settings()

    assert settings.optimizer_lookback_minutes == 60
    assert settings.optimizer_failure_threshold == 5


def test_an_empty_variable_leaves_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")

    assert Settings() == Settings(_env_file=None)
    assert Settings().optimizer_lookback_minutes == 30


@pytest.mark.parametrize("name", ["LLM_API_KEY", "llm_api_key"])
def test_names_of_variables_are_read_in_any_case(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "sk-1")

    assert key_of(Settings()) == "sk-1"


def test_urls_follow_the_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_PORT", "9001")
    monkeypatch.setenv("EVALUATOR_URL", "http://evaluator:8002")
    settings = Settings()

    assert settings.manager_url == "http://127.0.0.1:8000"
    assert settings.worker_url == "http://127.0.0.1:9001"
    assert settings.evaluator_url == "http://evaluator:8002"


@for_each(
    [
        ({"LLM_API_KEY": "sk-x"}, True),
        ({"LLM_PROVIDER": "anthropic", "LLM_MODEL": "m"}, True),
        ({"LLM_API_KEY": "sk-x", "LLM_BASE_URL": "https://models.example.com/v1"}, False),
        ({"LLM_PROVIDER": "ollama", "LLM_MODEL": "m"}, False),
        ({"LLM_PROVIDER": "local"}, False),
        ({}, False),
    ]
)
def test_a_vendor_is_who_is_asked_at_an_address_of_its_own(
    row: tuple[dict[str, str], bool],
) -> None:
    variables, asks_a_vendor = row
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        assert Settings().asks_a_vendor is asks_a_vendor


def test_the_local_models_url_follows_its_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_PROVIDER", "local")
    monkeypatch.setenv("LOCAL_MODEL_PORT", "9010")

    assert Settings().llm_base_url == "http://127.0.0.1:9010/v1"


@pytest.mark.parametrize(
    ("variable", "accepted", "refused"),
    [
        ("MANAGER_PORT", ["1", "65535"], ["0", "65536", "-1", "http", "80.5"]),
        ("POSTGRES_PORT", ["1", "65535"], ["0", "65536", "none"]),
        ("OPTIMIZER_LOOKBACK_MINUTES", ["1", "10080"], ["0", "10081", "-30", "half an hour"]),
        ("OPTIMIZER_FAILURE_THRESHOLD", ["1", "10000"], ["0", "10001", "-3", "2.5"]),
        ("OPTIMIZER_MAX_CALLS", ["1", "10000"], ["0", "10001"]),
        ("OPTIMIZER_MAX_JUDGE_CALLS", ["0", "100000"], ["-1", "100001"]),
        ("OPTIMIZER_MAX_ANALYST_CALLS", ["0", "100000"], ["-1", "100001"]),
        ("OPTIMIZER_MAX_TOKENS", ["0", "10000000000"], ["-1", "10000000001"]),
        ("OPTIMIZER_TRIGGERED_BY", ["x" * 64], ["x" * 65]),
        ("LLM_TEMPERATURE", ["0", "2", "none", "None"], ["-0.1", "2.1", "nan", "warm"]),
        ("LLM_SEED", ["0", "-1", "none", "NONE"], ["no", "0.5"]),
        ("LLM_MAX_TOKENS", ["16", "32768", "none", " none "], ["15", "32769", "no"]),
        ("LLM_TIMEOUT_SECONDS", ["0.5", "3600"], ["0", "-1", "3601", "nan", "inf"]),
        ("WORKER_TIMEOUT_SECONDS", ["0.5", "3600"], ["0", "3601"]),
        ("EVALUATOR_TIMEOUT_SECONDS", ["0.5", "3600"], ["0", "3601"]),
        ("DATABASE_TIMEOUT_SECONDS", ["0.5", "3600"], ["0", "3601"]),
        ("LOG_LEVEL", ["DEBUG", "error "], ["LOUD", "WARN!"]),
    ],
)
def test_a_value_out_of_range_is_refused_by_name_and_never_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, accepted: list[str], refused: list[str]
) -> None:
    for value in accepted:
        monkeypatch.setenv(variable, value)
        Settings()
    for value in refused:
        monkeypatch.setenv(variable, value)
        with pytest.raises(ValidationError) as refusal:
            Settings()
        explanation = explain_settings_error(refusal.value)
        assert explanation.startswith(f"setting {variable}: ")
        assert "\n" not in explanation
        # Ranges name small numbers; only values that could be told from those prove something.
        assert len(value) < 4 or value not in explanation


def test_each_wrong_setting_has_a_line_and_no_line_has_a_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MANAGER_PORT", "sk-secret-in-the-wrong-place")
    monkeypatch.setenv("LOG_LEVEL", "postgresql://agent:hunter2@localhost")
    with pytest.raises(ValidationError) as refusal:
        Settings()
    lines = explain_settings_error(refusal.value).splitlines()

    assert sorted(line.partition(":")[0] for line in lines) == [
        "setting LOG_LEVEL",
        "setting MANAGER_PORT",
    ]
    assert "secret" not in "".join(lines)
    assert "hunter2" not in "".join(lines)


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/T0/B0", " http://127.0.0.1:8065/hooks/x\n", "http://[::1]/x"]
)
def test_a_webhook_is_a_web_address(url: str) -> None:
    webhook = Settings(notify_webhook_url=url).notify_webhook_url
    assert webhook is not None
    assert webhook.get_secret_value() == url.strip()


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "hooks.example.com/hunter2",
        "ftp://hooks.example.com/hunter2",
        "https:///hunter2",
        "https://hooks.example.com:hunter2/x",
        "https://hooks.example.com/hunter2 x",
        "http://[hunter2",
        "http://a\u2100hunter2/x",
    ],
)
def test_what_is_no_web_address_is_refused_as_a_webhook_and_never_repeated(url: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings(notify_webhook_url=url)
    explanation = explain_settings_error(refusal.value)
    assert explanation.startswith("setting NOTIFY_WEBHOOK_URL: ")
    assert "hunter2" not in explanation


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://agent:hunter2@localhost:5432/agent_system",
        "postgres://agent@localhost/agent_system",
        "postgresql://agent:hunter%2F2@[::1]:5432/agent_system?sslmode=require",
        "postgresql://agent:hunter2@first:5432,second:5433/agent_system",
        "postgresql:///agent_system?host=/run/postgresql",
        "postgresql://agent@localhost/agent_system?sslmode=verify-full&sslrootcert=/ca.pem",
        "postgresql://agent@localhost/agent_system?connect_timeout=5&application_name=x",
        "postgresql://agent@localhost/agent_system?options=-c%20statement_timeout%3D5s",
        "postgresql://agent@one,two/agent_system?target_session_attrs=read-write",
        "postgresql://agent@localhost/agent_system?krbsrvname=x&sslmode=",
    ],
)
def test_a_database_url_is_what_asyncpg_takes(url: str) -> None:
    assert Settings(database_url=url).database_url.get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "mysql://agent:hunter2@localhost/agent_system",
        "postgresql+asyncpg://agent:hunter2@localhost/agent_system",
        "postgresql://agent:hunter2@localhost:port/agent_system",
        "postgresql://agent:hunter/2@localhost/agent_system",
        "postgresql://agent:hunter#2@localhost/agent_system",
        "postgresql://agent:22?hunter=2@localhost/agent_system",
        "postgresql://agent:hunter2@localhost/agent_system?sslmode",
        "postgresql://agent:hunter2@first:1,second:two/agent_system",
    ],
)
def test_any_other_database_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings(database_url=url)
    explanation = explain_settings_error(refusal.value)

    assert explanation.startswith("setting DATABASE_URL: ")
    assert "postgresql://user:password@host:5432/name" in explanation
    assert "hunter" not in explanation


@for_each(
    [
        ("channel_binding=require", ["channel_binding", "take it out"]),
        ("sslrootcert=system", ["sslrootcert", "file"]),
        ("connect_timeout=soon", ["connect_timeout", "seconds"]),
        ("gssencmode=prefer", ["gssencmode", "take it out"]),
        ("keepalives_idle=5", ["keepalives_idle", "take it out"]),
        ("hostaddr=10.0.0.1", ["hostaddr", "take it out"]),
        ("load_balance_hosts=random", ["load_balance_hosts", "take it out"]),
        ("ssl_mode=require", ["ssl_mode", "take it out"]),
        ("search_path=mine", ["options=-c%20search_path%3D"]),
    ]
)
def test_an_option_of_a_database_url_that_cannot_be_followed_is_named(
    row: tuple[str, list[str]],
) -> None:
    option, words = row
    with pytest.raises(ValidationError) as refusal:
        Settings(database_url=f"postgresql://agent:hunter2@localhost/agent_system?{option}")
    explanation = explain_settings_error(refusal.value)
    assert all(word in explanation for word in ["DATABASE_URL", *words])
    assert "hunter" not in explanation


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("llm_api_key", "hunter2"),
        ("internal_token", "hunter2"),
        ("database_url", "postgresql://agent:hunter2@localhost/agent_system"),
    ],
)
def test_a_secret_stays_out_of_what_is_printed(name: str, value: str) -> None:
    settings = Settings(**{name: value})

    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings.model_dump())
    assert "hunter2" not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("overrides", "language"),
    [
        ({}, "Python"),
        ({"llm_provider": "local"}, ""),
        ({"refiner_language": "Go"}, "Go"),
        ({"refiner_language": "none"}, ""),
        ({"llm_provider": "local", "refiner_language": "Python"}, "Python"),
    ],
)
def test_the_refiner_states_a_language_where_that_helps_the_model(
    overrides: dict[str, Any], language: str
) -> None:
    assert Settings(**overrides).default_language == language


@pytest.mark.parametrize(
    ("overrides", "calls"),
    [
        ({}, 60),
        ({"llm_provider": "openai"}, 120),
        ({"optimizer_max_calls": 7}, 7),
        ({"llm_provider": "openai", "optimizer_max_calls": 7}, 7),
    ],
)
def test_calls_of_a_heal_are_capped_for_every_provider(
    overrides: dict[str, Any], calls: int
) -> None:
    assert Settings(**overrides).max_calls == calls


@pytest.mark.parametrize("provider", ["simulated", "local", "openai"])
def test_the_operators_cap_on_tokens_outranks_the_providers(provider: str) -> None:
    assert Settings(llm_provider=provider).max_tokens >= 16
    assert Settings(llm_provider=provider, llm_max_tokens=99).max_tokens == 99


@pytest.mark.parametrize("spelling", ["OpenAI", " openai ", "OPENAI"])
def test_a_provider_is_known_however_it_is_spelled(
    spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLM_PROVIDER", spelling)
    assert Settings().llm_provider == "openai"


def test_a_key_pasted_with_a_line_break_loses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_API_KEY", " sk-pasted\n")
    assert key_of(Settings()) == "sk-pasted"


def token_of(settings: Settings) -> str | None:
    return settings.internal_token.get_secret_value() if settings.internal_token else None


def test_the_internal_token_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from the file\n")
    assert token_of(Settings(internal_token_file=file)) == "from the file"
    assert token_of(Settings(internal_token_file=file, internal_token=SecretStr("set"))) == "set"


def test_the_consoles_token_is_in_a_file_that_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from the file\n")
    token = Settings(console_token_file=file).console_token
    assert token is not None
    assert token.get_secret_value() == "from the file"
    assert Settings().console_token is None
    for wrong in (tmp_path / "nothing", tmp_path):
        with pytest.raises(ValidationError) as raised:
            Settings(console_token_file=wrong)
        assert "setting CONSOLE_TOKEN_FILE: " in explain_settings_error(raised.value)


def test_the_key_of_end_users_names_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from the file" * 3 + "\n")
    key = Settings(end_user_key_file=file).end_user_key
    assert key is not None
    assert key.get_secret_value() == "from the file" * 3
    file.write_text("short\n")
    for short in ({"end_user_key_file": file}, {"end_user_key": "hunter2"}):
        with pytest.raises(ValidationError) as raised:
            Settings(**short)
        told = explain_settings_error(raised.value)
        assert "setting END_USER_KEY: must have at least 32 characters" in told
        assert "openssl rand -hex 32" in told
        assert "hunter2" not in told
    with pytest.raises(ValidationError) as raised:
        Settings(end_user_key_file=tmp_path / "nothing")
    assert "selfheal migrate --end-user-key-file" in explain_settings_error(raised.value)


def test_a_token_file_that_is_missing_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ValidationError) as raised:
        Settings(internal_token_file=tmp_path / "nothing")
    explained = explain_settings_error(raised.value)
    assert explained.startswith("setting INTERNAL_TOKEN: ")
    assert "FileNotFoundError" in explained
    assert "selfheal migrate --internal-token-file" in explained


def test_a_parameter_is_left_out_where_it_is_none_and_has_its_default_where_it_is_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("LLM_TEMPERATURE", "LLM_SEED", "LLM_MAX_TOKENS")
    for name, none in zip(names, ("none", " None", "NONE"), strict=True):
        monkeypatch.setenv(name, none)
    left_out = Settings()
    for name in names:
        monkeypatch.setenv(name, "")
    default = Settings()

    assert (left_out.temperature, left_out.seed, left_out.max_tokens) == (None, None, None)
    assert (default.temperature, default.seed, default.max_tokens) == (0, 7, 1024)


API = "https://api.example.com/v1"
LOCAL = "http://localhost:11434/v1"


@for_each(
    [
        (API, API),
        (f" {API}\n", API),
        (f'"{API}"', API),
        (f"'{API}'", API),
        (f"<{API}>", API),
        (f"`{API}`", API),
        (f"\ufeff{API}\u200b", API),
        (f"\xa0{API}", API),
        (f"{API}/", API),
        (f"{API}//", API),
        (f"{API}/chat/completions", API),
        (f"{API}/chat/completions/", API),
        (f"{API}/completions", API),
        (f"{API}/chat", API),
        (f"{API}#chat", API),
        (f"{API}?", API),
        ("HTTPS://api.example.com/v1", API),
        ("localhost:11434/v1", LOCAL),
        ("LOCALHOST/v1", "http://LOCALHOST/v1"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("https://[2001:db8::1]/v1", "https://[2001:db8::1]/v1"),
        ("https://h/openai/deployments/chat/completions", "https://h/openai/deployments"),
        ("https://h", "https://h"),
        ("  ", ""),
    ]
)
def test_a_base_url_is_mended_where_it_is_plain_what_is_meant(
    row: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written, read = row
    monkeypatch.setenv("LLM_BASE_URL", written)
    settings = Settings(llm_provider="openai")

    assert settings.llm_base_url == read


@for_each(
    [
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("LOG_LEVEL", "Info", "INFO"),
        ("LOG_LEVEL", " warning ", "WARNING"),
        ("LOG_LEVEL", "eRRor", "ERROR"),
        ("SANDBOX", "OFF", "off"),
        ("OPTIMIZER_MODE", "Propose", "propose"),
    ]
)
def test_a_word_is_taken_in_any_case(
    row: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, given, taken = row
    with monkeypatch.context() as patch:
        patch.setenv(name, given)
        assert getattr(Settings(), name.lower()) == taken


@for_each(
    [
        ("api.example.com/v1", "http:// or https://"),
        ("api.example.com:8443/v1", "http:// or https://"),
        ("//api.example.com/v1", "http:// or https://"),
        ("https:/api.example.com/v1", "http:// or https://"),
        ("ftp://api.example.com/v1", "http:// or https://"),
        ("localhost.example.com/v1", "http:// or https://"),
        ("https:\\\\api.example.com", "http:// or https://"),
        ("https://", "host"),
        ("https:///v1", "host"),
        ("https://:8080/v1", "host"),
        ("https://api.example.com:port/v1", "port"),
        ("https://[api/v1", "http:// or https://"),
        ("https://api.example .com/v1", "blank"),
        ("https://api.example.com/v1 # mine", "blank"),
        ("https://api.example.com/v\u200b1", "blank"),
        ("https://hunter2@api.example.com/v1", "LLM_API_KEY"),
        ("https://me:hunter2@api.example.com/v1", "LLM_API_KEY"),
        ("https://api.example.com/v1?key=hunter2", "question mark"),
    ]
)
def test_a_base_url_that_could_mean_several_is_refused_with_what_to_write(
    row: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written, words = row
    monkeypatch.setenv("LLM_BASE_URL", written)
    with pytest.raises(ValidationError) as refusal:
        Settings()

    explanation = explain_settings_error(refusal.value)
    assert explanation.startswith("setting LLM_BASE_URL: ")
    assert words in explanation
    assert "hunter2" not in explanation + str(refusal.value)


@for_each(
    [
        ("LOG_LEVEL", "verbose", ("'DEBUG'", "'INFO'", "'WARNING'", "'ERROR'")),
        ("LOG_LEVEL", "10", ("'DEBUG'", "'INFO'", "'WARNING'", "'ERROR'")),
        ("OPTIMIZER_MODE", "on", ("'off'", "'propose'", "'auto'")),
    ]
)
def test_a_wrong_word_is_told_with_those_that_are_right(
    row: tuple[str, str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, given, allowed = row
    with monkeypatch.context() as patch:
        patch.setenv(name, given)
        with pytest.raises(ValidationError) as refusal:
            Settings()
    explanation = explain_settings_error(refusal.value)
    assert explanation.startswith(f"setting {name}: ")
    assert all(word in explanation for word in allowed)


def test_a_token_file_that_an_editor_began_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("the-token\n", encoding="utf-8-sig")
    token = WorkerSettings(internal_token_file=file).internal_token
    assert token is not None
    assert token.get_secret_value() == "the-token"


@for_each(
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0", "127.0.0.1"),
        ("::1", "::1", "[::1]"),
        ("[::1]", "::1", "[::1]"),
        ("::", "::", "[::1]"),
        ("localhost", "localhost", "localhost"),
        ("192.168.1.5", "192.168.1.5", "192.168.1.5"),
        (" box.lan ", "box.lan", "box.lan"),
    ]
)
def test_the_services_are_reached_where_they_listen(row: tuple[str, str, str]) -> None:
    given, listens, reached = row
    settings = Settings(bind_host=given)
    assert settings.bind_host == listens
    urls = (settings.manager_url, settings.worker_url, settings.evaluator_url)
    assert urls == tuple(f"http://{reached}:{port}" for port in (8000, 8001, 8002))
    assert OptimizerSettings(bind_host=given).worker_url == settings.worker_url


@for_each(["127.0.0.1:8000", "http://127.0.0.1", "[::1]:8000", "a b", "[]", "user@host", "a..b"])
def test_what_is_no_address_to_listen_on_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="an address or a host name, without a port"):
        Settings(bind_host=host)


@pytest.mark.parametrize(
    ("names", "modules"),
    [
        ("", ()),
        ("numpy", ("numpy",)),
        (" numpy , pandas ", ("numpy", "pandas")),
        ("numpy,numpy,,scipy.stats", ("numpy", "scipy.stats")),
    ],
)
def test_modules_for_answers_are_named_with_commas(names: str, modules: tuple[str, ...]) -> None:
    assert Settings(sandbox_modules=names).third_party_modules == modules


@pytest.mark.parametrize("names", ["numpy pandas", "numpy;pandas", "-x", "a..b", "a/b", "numpy==2"])
def test_what_no_module_is_called_is_refused(names: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings(sandbox_modules=names)
    assert explain_settings_error(refusal.value).startswith("setting SANDBOX_MODULES: ")


@for_each(
    [
        ("0.1,0.5,1", (0.1, 0.5, 1)),
        (" 0.25 , 1.0 ", (0.25, 1)),
        ("1", (1,)),
        ("0.123456,0.123457,0.999999,1", (0.123456, 0.123457, 0.999999, 1)),
    ]
)
def test_shares_of_a_canary_grow_to_all(row: tuple[str, tuple[float, ...]]) -> None:
    text, shares = row
    assert Settings(canary_steps=text).canary_shares(is_watching=False) == shares


# The last ones differ by less than the database keeps: two steps would be one.
@for_each(
    "0.1,0.5 0.5,0.1,1 0.1,0.1,1 0,1 -0.1,1 0.1,2 10,50,100 nan,1 0.1,nan 0.1,inf 0.1,,1 0.1;1 10%"
    " 1,1 0.0001,1 half 0.9999999,1 0.1,0.10000001,1 1e-50,1".split()
)
def test_shares_of_a_canary_that_do_not_add_up_are_refused_at_the_start(text: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Settings(canary_steps=text)
    explanation = explain_settings_error(refusal.value)
    assert explanation.startswith("setting CANARY_STEPS: must be growing shares")


def test_what_the_direct_url_leaves_out_the_other_one_fills_in() -> None:
    through = "postgresql://me:pass%40@pooler:6432/name?passfile=/p&sslmode=require"
    for direct, told in (
        ("", ""),
        (
            "postgresql://db:5432",
            "postgresql://me:pass%40@db:5432/name?passfile=%2Fp&sslmode=require",
        ),
        (
            "postgresql://db:5432/other?sslmode=disable",
            "postgresql://me:pass%40@db:5432/other?passfile=%2Fp&sslmode=disable",
        ),
        (
            "postgresql://you@a:1,b:2/",
            "postgresql://you@a:1,b:2/name?passfile=%2Fp&sslmode=require",
        ),
    ):
        settings = OptimizerSettings(
            _env_file=None, database_url=through, database_direct_url=direct or None
        )
        assert settings.direct_database_url == told
