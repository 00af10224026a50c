"""Settings, read from the environment and `.env`; nothing else reads the environment."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]

USAGE_EXIT_CODE = 2
DATABASE_SCHEMES = ("postgresql", "postgres")
WEBHOOK_SCHEMES = ("http", "https")

SIMULATED_PROVIDER = "simulated"
LOCAL_PROVIDER = "local"
DEFAULT_HOSTED_PROVIDER = "openai"
DEFAULT_MODELS = {
    SIMULATED_PROVIDER: "simulated",
    LOCAL_PROVIDER: "SmolLM2-135M-Instruct",
    DEFAULT_HOSTED_PROVIDER: "gpt-4.1-mini",
}


def _split_url(url: str) -> SplitResult:
    """The parts of a URL; nothing in them where it is malformed, as errors repeat it."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _check_webhook_url(url: SecretStr | None) -> SecretStr | None:
    """Refuse what nothing could be posted to; the message must not repeat it."""
    text = url.get_secret_value().strip() if url else ""
    if not text:
        return None
    parts = _split_url(text)
    port = parts.netloc.rpartition("@")[2].rpartition("]")[2].partition(":")[2]
    is_well_formed = text.isprintable() and " " not in text and (not port or port.isdecimal())
    if parts.scheme not in WEBHOOK_SCHEMES or not parts.hostname or not is_well_formed:
        raise ValueError("must be a URL that begins with http:// or https://")
    return SecretStr(text)


def _check_database_url(url: SecretStr) -> SecretStr:
    """Refuse what asyncpg could not parse; the message must not repeat it."""
    parts = _split_url(url.get_secret_value())
    hosts = parts.netloc.rpartition("@")[2].split(",")
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts]
    if parts.scheme not in DATABASE_SCHEMES or not all(port.isdecimal() for port in ports if port):
        raise ValueError(
            "must look like postgresql://user:password@host:5432/name, with what is neither a "
            "letter nor a digit in the password percent-encoded"
        )
    return url


class Settings(BaseSettings):
    """Every setting of the system; each field is the environment variable of that name.

    Durations are in seconds unless the name says otherwise. An empty variable counts as unset,
    so that `LLM_API_KEY=` in an `.env` file is the same as leaving the line out.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore"
    )

    # Where things are
    database_url: Annotated[SecretStr, AfterValidator(_check_database_url)] = SecretStr(
        "postgresql://agent:agent@localhost:5432/agent_system"
    )
    bind_host: str = "127.0.0.1"
    manager_port: Port = 8000
    worker_port: Port = 8001
    evaluator_port: Port = 8002
    postgres_port: Port = 5432
    local_model_port: Port = 8010
    manager_url: str = ""
    worker_url: str = ""
    evaluator_url: str = ""
    local_model_url: str = ""
    selfheal_home: Path = Path(".selfheal")

    # Models
    llm_provider: str = ""
    llm_model: str = ""
    llm_api_key: SecretStr | None = None
    llm_base_url: str = ""
    llm_temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    llm_seed: int = 7
    llm_max_tokens: Annotated[int, Field(ge=16, le=32_768)] | None = None
    llm_timeout_seconds: Seconds = 60
    llm_stop_after_code_block: bool | None = None
    # The vendor's own variable, for a judge or analyst beside a Worker of another provider.
    openai_api_key: SecretStr | None = None
    judge_model: str = ""
    optimizer_model: str = ""
    refiner_model: str = ""
    refiner_language: str = ""

    # The way of a request
    worker_timeout_seconds: Seconds = 90
    evaluator_timeout_seconds: Seconds = 60
    database_timeout_seconds: Seconds = 5
    internal_token_file: Path | None = None
    internal_token: Annotated[SecretStr | None, Field(validate_default=True)] = None

    # The Evaluator
    sandbox: Literal["auto", "jail", "wasm", "off"] = "auto"
    sandbox_slots: Annotated[int, Field(ge=1, le=64)] = 16
    judge_allow_unreliable: bool = False
    canary_interval_minutes: Annotated[int, Field(ge=1, le=10_080)] = 60
    task_types_dir: Path = Path("task_types")

    # The Optimizer
    optimizer_lookback_minutes: Annotated[int, Field(ge=1, le=10_080)] = 30
    optimizer_failure_threshold: Annotated[int, Field(ge=1, le=10_000)] = 3
    optimizer_max_calls: Annotated[int, Field(ge=1, le=10_000)] | None = None
    optimizer_deadline_seconds: Seconds = 900
    optimizer_triggered_by: Annotated[str, Field(max_length=64)] = "cronjob"
    optimizer_mode: Literal["off", "propose", "auto"] = "auto"
    optimizer_guard_inputs: Annotated[int, Field(ge=0, le=100)] = 10
    optimizer_max_newly_failing: Annotated[int, Field(ge=0, le=100)] = 1
    optimizer_poll_seconds: Seconds = 60
    optimizer_cooldown_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60
    optimizer_max_heals_per_day: Annotated[int, Field(ge=1, le=1_000)] = 24
    notify_webhook_url: Annotated[SecretStr | None, AfterValidator(_check_webhook_url)] = None

    # Observability; OpenTelemetry's own variables, which its SDK reads from the environment too
    otel_sdk_disabled: bool = False
    otel_traces_exporter: str = ""
    otel_exporter_otlp_endpoint: str = ""
    otel_exporter_otlp_traces_endpoint: str = ""
    otel_service_name: str = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("llm_provider", mode="after")
    @classmethod
    def _fold_case(cls, provider: str) -> str:
        return provider.strip().lower()

    @field_validator("llm_api_key", mode="after")
    @classmethod
    def _strip_whitespace(cls, key: SecretStr | None) -> SecretStr | None:
        """A key that was pasted with a line break would fail as an HTTP header."""
        return SecretStr(key.get_secret_value().strip()) if key else None

    @field_validator("internal_token", mode="after")
    @classmethod
    def _read_token_file(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Take the token from its file, where only the file is named."""
        file: Path | None = info.data.get("internal_token_file")
        if token is not None or file is None:
            return token
        try:
            return SecretStr(file.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeError) as error:
            raise ValueError(
                f"INTERNAL_TOKEN_FILE can't be read ({type(error).__name__}): write it with "
                "selfheal migrate --internal-token-file, or set INTERNAL_TOKEN itself"
            ) from error

    @model_validator(mode="after")
    def _fill_in_what_follows_from_the_rest(self) -> Self:
        """Derive the provider from the key, the model from the provider, and URLs from ports."""
        if not self.llm_provider:
            self.llm_provider = DEFAULT_HOSTED_PROVIDER if self.llm_api_key else SIMULATED_PROVIDER
        if not self.llm_model:
            self.llm_model = DEFAULT_MODELS.get(self.llm_provider, "")
        self.local_model_url = (
            self.local_model_url or f"http://127.0.0.1:{self.local_model_port}/v1"
        )
        if not self.llm_base_url and self.llm_provider == LOCAL_PROVIDER:
            self.llm_base_url = self.local_model_url
        self.manager_url = self.manager_url or f"http://127.0.0.1:{self.manager_port}"
        self.worker_url = self.worker_url or f"http://127.0.0.1:{self.worker_port}"
        self.evaluator_url = self.evaluator_url or f"http://127.0.0.1:{self.evaluator_port}"
        return self

    @property
    def max_tokens(self) -> int:
        """Most tokens of an answer: LLM_MAX_TOKENS, else what suits the provider."""
        if self.llm_max_tokens is not None:
            return self.llm_max_tokens
        return 192 if self.llm_provider == LOCAL_PROVIDER else 1024

    @property
    def stop_after_code_block(self) -> bool:
        """Whether an answer ends with its first code block: LLM_STOP_AFTER_CODE_BLOCK.

        On for the local model, which talks on for as long as it may after the code that was
        asked for, at a second for every 60 tokens.
        """
        if self.llm_stop_after_code_block is not None:
            return self.llm_stop_after_code_block
        return self.llm_provider == LOCAL_PROVIDER

    @property
    def default_language(self) -> str:
        """Language that the refiner states where a request names none; empty for no statement.

        The local model heeds a language in the request so much more than its system prompt that
        stating one would silence the prompt (docs/decisions/0005), so there the prompt decides.
        """
        if self.refiner_language:
            return "" if self.refiner_language == "none" else self.refiner_language
        return "" if self.llm_provider == LOCAL_PROVIDER else "Python"

    @property
    def max_calls(self) -> int:
        """Most Worker calls of a heal: OPTIMIZER_MAX_CALLS, else what suits the provider."""
        if self.optimizer_max_calls is not None:
            return self.optimizer_max_calls
        return 60 if self.llm_provider == SIMULATED_PROVIDER else 120


@lru_cache
def get_settings() -> Settings:
    """Read the settings once a process.

    Raises:
        pydantic.ValidationError: If a variable holds a value outside its range.
    """
    return Settings()


def explain_settings_error(error: ValidationError) -> str:
    """One line a wrong setting, naming the variable but never its value."""
    lines = [
        f"setting {'.'.join(str(part) for part in problem['loc']).upper()}: {problem['msg']}"
        for problem in error.errors()
    ]
    return "\n".join(lines)
