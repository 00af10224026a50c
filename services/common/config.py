"""Settings, read from the environment and `.env`; nothing else reads the environment.

Each service has a class with the settings that it may read. Every field is the environment
variable of that name; durations are in seconds unless the name says otherwise.
`SELFHEAL_ENV_FILE` names another file than `.env`; empty, it names none.
"""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from services.common.setting_checks import (
    check_bind_host,
    check_module_names,
    check_optional_url,
    check_shares,
    check_webhook_url,
    name_in_url,
)
from services.common.settings.database import DatabaseSettings, DirectDatabaseSettings
from services.common.settings.door import ChatSettings, DoorSettings, TaskTypeSettings
from services.common.settings.model import (
    LOCAL_PROVIDER,
    SIMULATED_PROVIDER,
    SecondModelSettings,
    ServingModelSettings,
)
from services.common.settings.pauses import PauseSettings
from services.common.settings.people import PeopleSettings, PublicSettings
from services.common.settings.process import (
    MANAGER_PORT,
    Port,
    Seconds,
    ServiceSettings,
    TracingSettings,
    in_small_letters,
)
from services.common.settings.resilience import HomeSettings, MaxAge, SpoolSettings
from services.common.settings.retention import LookbackSettings, RetentionSettings
from services.common.settings.upstream import (
    EVALUATOR_PORT,
    WORKER_PORT,
    EvaluatorTime,
    TokenSettings,
    UpstreamSettings,
    WorkerTime,
)

# What a proven text serves in the continuous mode, where CANARY_STEPS is unset.
WATCHING_STEPS = "0.1,0.5,1"


class ManagerSettings(
    ServiceSettings,
    SecondModelSettings,
    DatabaseSettings,
    DoorSettings,
    PeopleSettings,
    SpoolSettings,
    RetentionSettings,
):
    """Every setting that the Manager reads."""

    manager_port: Port = MANAGER_PORT
    key_max_age_seconds: MaxAge = 60
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


class WorkerSettings(
    ServiceSettings,
    ServingModelSettings,
    DatabaseSettings,
    ChatSettings,
    TokenSettings,
    WorkerTime,
):
    """Every setting that the Worker reads."""

    worker_port: Port = WORKER_PORT
    prompt_max_age_seconds: MaxAge = 900


class EvaluatorSettings(
    ServiceSettings,
    SecondModelSettings,
    ChatSettings,
    TaskTypeSettings,
    TokenSettings,
    EvaluatorTime,
    HomeSettings,
):
    """Every setting that the Evaluator reads; none leads to the database."""

    evaluator_port: Port = EVALUATOR_PORT
    judge_model: str = ""
    judge_allow_unreliable: bool = False
    canary_interval_minutes: Annotated[int, Field(ge=1, le=10_080)] = 60
    sandbox: Annotated[Literal["auto", "jail", "wasm", "off"], in_small_letters] = "auto"
    sandbox_slots: Annotated[int, Field(ge=1, le=64)] = 16
    sandbox_modules: Annotated[str, AfterValidator(check_module_names)] = ""

    @property
    def third_party_modules(self) -> tuple[str, ...]:
        """Modules beyond the standard library that answers may import."""
        return tuple(filter(None, self.sandbox_modules.split(",")))


class ConsoleSettings(ServiceSettings, TaskTypeSettings, PublicSettings):
    """Every setting that the console reads; its way into the database may read, and no more."""

    console: Annotated[Literal["on", "off"], in_small_letters] = "on"
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


class OptimizerSettings(
    TracingSettings,
    SecondModelSettings,
    DirectDatabaseSettings,
    TaskTypeSettings,
    UpstreamSettings,
    PauseSettings,
    LookbackSettings,
):
    """Every setting that the Optimizer reads; it alone reads the webhook."""

    optimizer_model: str = ""
    optimizer_failure_threshold: Annotated[int, Field(ge=1, le=10_000)] = 3
    optimizer_max_calls: Annotated[int, Field(ge=1, le=10_000)] | None = None
    # 0: what suits the Worker's calls.
    optimizer_max_judge_calls: Annotated[int, Field(ge=0, le=100_000)] = 0
    optimizer_max_analyst_calls: Annotated[int, Field(ge=0, le=100_000)] = 0
    optimizer_max_tokens: Annotated[int, Field(ge=0, le=10**10)] = 0
    optimizer_deadline_seconds: Seconds = 900
    optimizer_triggered_by: Annotated[str, Field(max_length=64)] = "cronjob"
    optimizer_mode: Annotated[Literal["off", "propose", "auto"], in_small_letters] = "auto"
    optimizer_guard_inputs: Annotated[int, Field(ge=0, le=100)] = 10
    optimizer_max_newly_failing: Annotated[int, Field(ge=0, le=100)] = 1
    optimizer_poll_seconds: Seconds = 60
    optimizer_max_heals_per_day: Annotated[int, Field(ge=1, le=1_000)] = 24
    optimizer_max_heals_per_incident: Annotated[int, Field(ge=1, le=1_000)] = 12
    canary_steps: Annotated[str, AfterValidator(check_shares)] = ""
    canary_margin: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    optimizer_heals_at_once: Annotated[int, Field(ge=1, le=100)] = 4
    notify_webhook_url: Annotated[SecretStr | None, AfterValidator(check_webhook_url)] = None

    def canary_shares(self, *, is_watching: bool) -> tuple[float, ...]:
        """Shares of traffic that a proven text serves, in their order; the last is 1.

        Args:
            is_watching: Whether this is the continuous mode, which goes step by step by itself.
        """
        steps = self.canary_steps or (WATCHING_STEPS if is_watching else "1")
        return tuple(float(step) for step in steps.split(","))

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
    # The services' own ways into a database of the operator's: `selfheal up` hands them on.
    manager_database_url: Annotated[SecretStr | None, AfterValidator(check_optional_url)] = None
    worker_database_url: Annotated[SecretStr | None, AfterValidator(check_optional_url)] = None
    optimizer_database_url: Annotated[SecretStr | None, AfterValidator(check_optional_url)] = None
    postgres_port: Port = 5432


def explain_problems(error: ValidationError) -> dict[str, str]:
    """Say what is wrong with each setting, by its variable's name, and never with its value."""
    problems: dict[str, list[str]] = {}
    for problem in error.errors():
        # Beyond the setting's name stands which of several types it was tried as.
        name = ".".join(str(part) for part in problem["loc"][:1]).upper()
        message = problem["msg"].removeprefix("Value error, ")  # pydantic's, before our own words
        problems.setdefault(name, []).append(message)
    return {name: ", or: ".join(messages) for name, messages in problems.items()}


def explain_settings_error(error: ValidationError) -> str:
    """Say what is wrong in a line for each setting."""
    problems = explain_problems(error)
    return "\n".join(f"setting {name}: {problem}" for name, problem in problems.items())
