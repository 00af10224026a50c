"""Settings, read from the environment and `.env`; nothing else reads the environment.

Each service has a class with the settings that it may read. Every field is the environment
variable of that name; durations are in seconds unless the name says otherwise.
`SELFHEAL_ENV_FILE` names another file than `.env`; empty, it names none.
"""

import os
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.setting_checks import (
    check_base_url,
    check_bind_host,
    check_database_url,
    check_module_names,
    check_optional_url,
    check_token_file,
    check_webhook_url,
    name_in_url,
)

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
# The value of a parameter that isn't sent to the model at all.
UNSENT: Final = "none"

_in_capitals = BeforeValidator(lambda text: text.strip().upper())
_in_small_letters = BeforeValidator(lambda text: str(text).strip().lower())
Unsent = Annotated[Literal["none"], _in_small_letters]

USAGE_EXIT_CODE = 2
WORKER_PORT = 8001
EVALUATOR_PORT = 8002
MANAGER_PORT = 8000

SIMULATED_PROVIDER = "simulated"
LOCAL_PROVIDER = "local"
DEFAULT_HOSTED_PROVIDER = "openai"
DEFAULT_MODELS = {
    SIMULATED_PROVIDER: "simulated",
    LOCAL_PROVIDER: "SmolLM2-135M-Instruct",
    DEFAULT_HOSTED_PROVIDER: "gpt-4.1-mini",
}


class ProcessSettings(BaseSettings):
    """Settings that every process reads.

    An empty variable counts as unset, so that `LLM_API_KEY=` in an `.env` file is the same as
    leaving the line out.
    """

    model_config = SettingsConfigDict(
        env_file=os.environ.get("SELFHEAL_ENV_FILE", ".env"),
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        # A value that is refused may hold a secret.
        hide_input_in_errors=True,
    )

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], _in_capitals] = "INFO"
    bind_host: Annotated[str, AfterValidator(check_bind_host)] = "127.0.0.1"


class TracingSettings(ProcessSettings):
    """OpenTelemetry's own variables, which its SDK reads from the environment too."""

    otel_sdk_disabled: bool = False
    otel_traces_exporter: str = ""
    otel_exporter_otlp_endpoint: str = ""
    otel_exporter_otlp_traces_endpoint: str = ""
    otel_service_name: str = ""


class ServiceSettings(TracingSettings):
    """Settings of a process that serves over HTTP, and of who may reach it."""

    # Where a container's port is published, which the process in it can't know.
    published_host: Annotated[str, AfterValidator(check_bind_host)] | None = None
    allow_open: Literal["yes-i-know"] | None = None


class DatabaseSettings(ProcessSettings):
    """Settings of the way into the database."""

    database_url: Annotated[SecretStr, AfterValidator(check_database_url)] = SecretStr(
        "postgresql://agent:agent@localhost:5432/agent_system"
    )
    database_timeout_seconds: Seconds = 5


class ModelSettings(ProcessSettings):
    """Settings of the model that answers."""

    local_model_port: Port = 8010
    local_model_url: Annotated[str, AfterValidator(check_base_url)] = ""
    llm_provider: str = ""
    llm_model: str = ""
    llm_api_key: SecretStr | None = None
    llm_base_url: Annotated[str, AfterValidator(check_base_url)] = ""
    llm_temperature: Annotated[float, Field(ge=0, le=2)] | Unsent = 0.0
    llm_seed: int | Unsent = 7
    llm_max_tokens: Annotated[int, Field(ge=16, le=32_768)] | Unsent | None = None
    llm_timeout_seconds: Seconds = 60
    llm_stop_after_code_block: bool | None = None

    @field_validator("llm_provider", mode="after")
    @classmethod
    def _fold_case(cls, provider: str) -> str:
        return provider.strip().lower()

    @field_validator("llm_api_key", mode="after")
    @classmethod
    def _strip_whitespace(cls, key: SecretStr | None) -> SecretStr | None:
        """Strip a key that was pasted with a line break: it would fail as an HTTP header."""
        return SecretStr(key.get_secret_value().strip()) if key else None

    @model_validator(mode="after")
    def _choose_the_model(self) -> Self:
        """Derive the provider from the key, the model from the provider, the URL from the port."""
        if not self.llm_provider:
            self.llm_provider = DEFAULT_HOSTED_PROVIDER if self.llm_api_key else SIMULATED_PROVIDER
        if not self.llm_model:
            self.llm_model = DEFAULT_MODELS.get(self.llm_provider, "")
        self.local_model_url = (
            self.local_model_url or f"http://127.0.0.1:{self.local_model_port}/v1"
        )
        if not self.llm_base_url and self.llm_provider == LOCAL_PROVIDER:
            self.llm_base_url = self.local_model_url
        return self

    @property
    def temperature(self) -> float | None:
        """The temperature that a model is asked with; None is not sent."""
        return None if self.llm_temperature == UNSENT else self.llm_temperature

    @property
    def seed(self) -> int | None:
        """The seed that a model is asked with; None is not sent."""
        return None if self.llm_seed == UNSENT else self.llm_seed

    @property
    def max_tokens(self) -> int | None:
        """Most tokens of an answer: LLM_MAX_TOKENS, else what suits the provider; or None."""
        if self.llm_max_tokens is not None:
            return None if self.llm_max_tokens == UNSENT else self.llm_max_tokens
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


class SecondModelSettings(ModelSettings):
    """Settings of the model that answers, and the key of a second one of another provider."""

    # The vendor's own variable.
    openai_api_key: SecretStr | None = None


class TokenSettings(ProcessSettings):
    """Settings of the token by which the parts of the system know one another."""

    internal_token_file: Path | None = None
    internal_token: Annotated[SecretStr | None, Field(validate_default=True)] = None

    @field_validator("internal_token", mode="after")
    @classmethod
    def _read_token_file(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Take the token from its file, where only the file is named."""
        file: Path | None = info.data.get("internal_token_file")
        if token is not None or file is None:
            return token
        try:
            return SecretStr(file.read_text(encoding="utf-8-sig").strip())
        except (OSError, UnicodeError) as error:
            raise ValueError(
                f"INTERNAL_TOKEN_FILE can't be read ({type(error).__name__}): write it with "
                "selfheal migrate --internal-token-file, or set INTERNAL_TOKEN itself"
            ) from error


class UpstreamSettings(TokenSettings):
    """Settings of how Worker and Evaluator are reached, and of what they know the caller by."""

    worker_port: Port = WORKER_PORT
    evaluator_port: Port = EVALUATOR_PORT
    worker_url: str = ""
    evaluator_url: str = ""
    worker_timeout_seconds: Seconds = 90
    evaluator_timeout_seconds: Seconds = 60

    @model_validator(mode="after")
    def _derive_urls(self) -> Self:
        host = name_in_url(self.bind_host)
        self.worker_url = self.worker_url or f"http://{host}:{self.worker_port}"
        self.evaluator_url = self.evaluator_url or f"http://{host}:{self.evaluator_port}"
        return self


class TaskTypeSettings(ProcessSettings):
    """Settings of the operator's own task types."""

    task_types_dir: Path = Path("task_types")


class ChatSettings(ProcessSettings):
    """Settings of conversations in OpenAI's shape."""

    chat_max_body_bytes: Annotated[int, Field(ge=1024, le=64 << 20)] = 4 << 20


class DoorSettings(ChatSettings, TaskTypeSettings, UpstreamSettings):
    """Settings of the door: what it takes, whom it asks, what is kept of its conversations."""

    conversation_max_bytes: Annotated[int, Field(ge=1024, le=64 << 20)] = 1 << 20
    keep_binary_parts: bool = False
    end_user: Annotated[Literal["hashed", "plain"], _in_small_letters] = "hashed"


class PublicSettings(ProcessSettings):
    """Settings of what browsers reach."""

    # Where people open the console; beyond this machine it begins with https://.
    public_url: Annotated[str, AfterValidator(check_base_url)] = ""
    # Other names under which Manager and console are reached, separated by commas.
    allowed_hosts: str = ""
    # Proxies in front, separated by commas: addresses, networks, or names such as `console`. They
    # alone are believed when they say who calls.
    trusted_proxies: str = ""
    # What the Manager knows the console by, where not all who reach it are on this machine.
    console_token_file: Annotated[Path | None, AfterValidator(check_token_file)] = None

    @property
    def console_token(self) -> SecretStr | None:
        """The token in CONSOLE_TOKEN_FILE."""
        file = self.console_token_file
        return SecretStr(file.read_text(encoding="utf-8-sig").strip()) if file else None


class PeopleSettings(PublicSettings):
    """Settings of who signs in, how long a session lasts, and who decides with whom."""

    session_idle_minutes: Annotated[int, Field(ge=1, le=1_440)] = 30
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    require_second_person: bool = False
    oidc_issuer: Annotated[str, AfterValidator(check_base_url)] = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    # A claim of the provider's, and which of its values is which role:
    # sre=approver, helpdesk=operator:code_generation+support
    oidc_role_claim: str = "groups"
    oidc_roles: str = ""


class ManagerSettings(
    ServiceSettings, SecondModelSettings, DatabaseSettings, DoorSettings, PeopleSettings
):
    """Every setting that the Manager reads."""

    manager_port: Port = MANAGER_PORT
    refiner_model: str = ""
    refiner_language: str = ""
    require_keys: bool = False
    scoring_concurrency: Annotated[int, Field(ge=1, le=256)] = 8

    @property
    def default_language(self) -> str:
        """Language that the refiner states where a request names none; empty for no statement.

        The local model heeds a language in the request so much more than its system prompt that
        stating one would silence the prompt (docs/decisions/0005), so there the prompt decides.
        """
        if self.refiner_language:
            return "" if self.refiner_language == "none" else self.refiner_language
        return "" if self.llm_provider == LOCAL_PROVIDER else "Python"


class WorkerSettings(ServiceSettings, ModelSettings, DatabaseSettings, ChatSettings, TokenSettings):
    """Every setting that the Worker reads."""

    worker_port: Port = WORKER_PORT


class EvaluatorSettings(
    ServiceSettings, SecondModelSettings, ChatSettings, TaskTypeSettings, TokenSettings
):
    """Every setting that the Evaluator reads; none leads to the database."""

    evaluator_port: Port = EVALUATOR_PORT
    selfheal_home: Path = Path(".selfheal")
    judge_model: str = ""
    judge_allow_unreliable: bool = False
    canary_interval_minutes: Annotated[int, Field(ge=1, le=10_080)] = 60
    sandbox: Annotated[Literal["auto", "jail", "wasm", "off"], _in_small_letters] = "auto"
    sandbox_slots: Annotated[int, Field(ge=1, le=64)] = 16
    sandbox_modules: Annotated[str, AfterValidator(check_module_names)] = ""

    @property
    def third_party_modules(self) -> tuple[str, ...]:
        """Modules beyond the standard library that answers may import."""
        return tuple(filter(None, self.sandbox_modules.split(",")))


class ConsoleSettings(ServiceSettings, TaskTypeSettings, PublicSettings):
    """Every setting that the console reads; its way into the database may read, and no more."""

    console: Annotated[Literal["on", "off"], _in_small_letters] = "on"
    console_port: Port = 8003
    console_bind_host: Annotated[str, AfterValidator(check_bind_host)] = "127.0.0.1"
    console_published_host: Annotated[str, AfterValidator(check_bind_host)] | None = None
    console_database_url: Annotated[SecretStr | None, AfterValidator(check_optional_url)] = None
    database_timeout_seconds: Seconds = 5
    manager_port: Port = MANAGER_PORT
    manager_url: str = ""
    workshop: bool = False

    @model_validator(mode="after")
    def _derive_manager_url(self) -> Self:
        host = name_in_url(self.bind_host)
        self.manager_url = self.manager_url or f"http://{host}:{self.manager_port}"
        return self


class OptimizerSettings(SecondModelSettings, DatabaseSettings, TaskTypeSettings, UpstreamSettings):
    """Every setting that the Optimizer reads; it alone reads the webhook."""

    optimizer_model: str = ""
    optimizer_lookback_minutes: Annotated[int, Field(ge=1, le=10_080)] = 30
    optimizer_failure_threshold: Annotated[int, Field(ge=1, le=10_000)] = 3
    optimizer_max_calls: Annotated[int, Field(ge=1, le=10_000)] | None = None
    optimizer_deadline_seconds: Seconds = 900
    optimizer_triggered_by: Annotated[str, Field(max_length=64)] = "cronjob"
    optimizer_mode: Annotated[Literal["off", "propose", "auto"], _in_small_letters] = "auto"
    optimizer_guard_inputs: Annotated[int, Field(ge=0, le=100)] = 10
    optimizer_max_newly_failing: Annotated[int, Field(ge=0, le=100)] = 1
    optimizer_poll_seconds: Seconds = 60
    optimizer_cooldown_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60
    optimizer_max_heals_per_day: Annotated[int, Field(ge=1, le=1_000)] = 24
    notify_webhook_url: Annotated[SecretStr | None, AfterValidator(check_webhook_url)] = None

    @property
    def max_calls(self) -> int:
        """Most Worker calls of a heal: OPTIMIZER_MAX_CALLS, else what suits the provider."""
        if self.optimizer_max_calls is not None:
            return self.optimizer_max_calls
        return 60 if self.llm_provider == SIMULATED_PROVIDER else 120


class Settings(
    ManagerSettings, WorkerSettings, EvaluatorSettings, OptimizerSettings, ConsoleSettings
):
    """Every setting of the system: what the command line reads, to start and reach the rest."""

    selfheal_api_key: SecretStr | None = None
    postgres_port: Port = 5432


def explain_problems(error: ValidationError) -> dict[str, str]:
    """Say what is wrong with each setting, by its variable's name, and never with its value."""
    problems: dict[str, list[str]] = {}
    for problem in error.errors():
        # Beyond the setting's name stands which of several types it was tried as.
        name = ".".join(str(part) for part in problem["loc"][:1]).upper()
        problems.setdefault(name, []).append(problem["msg"])
    return {name: ", or: ".join(messages) for name, messages in problems.items()}


def explain_settings_error(error: ValidationError) -> str:
    """Say what is wrong in a line for each setting."""
    problems = explain_problems(error)
    return "\n".join(f"setting {name}: {problem}" for name, problem in problems.items())
