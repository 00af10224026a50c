"""Which processes make up the system, and the variables each of them is configured by."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr

from selfheal.runtime import local_model
from selfheal.runtime.ports import LOOPBACK
from selfheal.runtime.processes.records import ProcessSpec
from services.common.config import LOCAL_PROVIDER, Settings

LOCAL_MODEL = "local-model"
OPTIMIZER = "optimizer"
OPTIMIZER_COMMAND = (sys.executable, "-P", "-m", "services.optimizer.app.main")
AUTOPILOT = "autopilot"
MODEL_SETTINGS = (
    "llm_provider",
    "llm_model",
    "llm_api_key",
    "llm_base_url",
    "local_model_url",
    "llm_temperature",
    "llm_seed",
    "llm_max_tokens",
    "llm_timeout_seconds",
    "llm_stop_after_code_block",
)
_SERVICE_SETTINGS = {
    "manager": (
        *MODEL_SETTINGS,
        "refiner_model",
        "refiner_language",
        "worker_url",
        "evaluator_url",
        "worker_timeout_seconds",
        "evaluator_timeout_seconds",
        "database_timeout_seconds",
    ),
    "worker": (*MODEL_SETTINGS, "database_timeout_seconds"),
    "evaluator": (
        *MODEL_SETTINGS,
        "judge_model",
        "judge_allow_unreliable",
        "canary_interval_minutes",
        "sandbox",
        "sandbox_slots",
        "selfheal_home",
        "task_types_dir",
    ),
}
_COMMON_SETTINGS = ("bind_host", "log_level")
_NEEDS_DATABASE = frozenset({"manager", "worker"})
_NEEDS_TOKEN = frozenset({"worker", "evaluator"})
_SECRETS = frozenset(
    {
        "DATABASE_URL",
        "INTERNAL_TOKEN",
        "INTERNAL_TOKEN_FILE",
        "LLM_API_KEY",
        "NOTIFY_WEBHOOK_URL",
    }
)
_OPTIMIZER_SETTINGS = (
    *MODEL_SETTINGS,
    *(name for name in Settings.model_fields if name.startswith("optimizer_")),
    "notify_webhook_url",
    "worker_url",
    "evaluator_url",
    "worker_timeout_seconds",
    "evaluator_timeout_seconds",
    "database_timeout_seconds",
    "task_types_dir",
    "log_level",
)

Stages = Sequence[Sequence[ProcessSpec]]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What lets the parts of the system in to one another."""

    database_url: str = field(default="", repr=False)
    internal_token: str = field(default="", repr=False)


def plan_processes(
    settings: Settings, credentials: Credentials, *, autopilot: bool = False
) -> Stages:
    """List the processes in stages: each stage starts when the one before it is ready.

    Args:
        settings: What the system is configured with.
        credentials: Handed only to the processes that need them.
        autopilot: Whether the Optimizer runs all the time, and heals by itself.
    """
    first = [_plan_local_model(settings)] if needs_local_model(settings) else []
    second = [_plan_service(name, settings, credentials) for name in ("worker", "evaluator")]
    third = [_plan_service("manager", settings, credentials)]
    fourth = [_plan_optimizer(settings, credentials)] if autopilot else []
    return [stage for stage in (first, second, third, fourth) if stage]


def needs_local_model(settings: Settings) -> bool:
    """Tell whether a model that the settings name is the one that we serve ourselves."""
    ours = f"http://{LOOPBACK}:{settings.local_model_port}/v1"
    if settings.llm_provider == LOCAL_PROVIDER:
        return settings.llm_base_url.rstrip("/") == ours
    if settings.local_model_url.rstrip("/") != ours:
        return False
    others = (settings.judge_model, settings.optimizer_model, settings.refiner_model)
    return any(model.partition(":")[0] == LOCAL_PROVIDER for model in others)


def optimizer_environment(settings: Settings, credentials: Credentials) -> dict[str, str]:
    """Return the variables that a run of the Optimizer needs to reach this system."""
    return {
        **_variables(settings, _OPTIMIZER_SETTINGS),
        "DATABASE_URL": credentials.database_url,
        "INTERNAL_TOKEN": credentials.internal_token,
    }


def _plan_service(name: str, settings: Settings, credentials: Credentials) -> ProcessSpec:
    port_setting = f"{name}_port"
    port: int = getattr(settings, port_setting)
    names = (*_COMMON_SETTINGS, *_SERVICE_SETTINGS[name], port_setting)
    environment = _variables(settings, names)
    if name in _NEEDS_DATABASE:
        environment["DATABASE_URL"] = credentials.database_url
    if name in _NEEDS_TOKEN:
        environment["INTERNAL_TOKEN"] = credentials.internal_token
    return ProcessSpec(
        name=name,
        # -P keeps a directory called `services` where the command runs from shadowing ours
        command=(sys.executable, "-P", "-m", f"services.{name}.app.main"),
        environment=environment,
        ready_url=f"http://{LOOPBACK}:{port}/health/ready",
        port=port,
        port_setting=port_setting.upper(),
        withheld=_SECRETS - environment.keys(),
    )


def _plan_optimizer(settings: Settings, credentials: Credentials) -> ProcessSpec:
    """The continuous mode. It listens on no port: it runs once it has run for a moment."""
    environment = optimizer_environment(settings, credentials)
    environment["OPTIMIZER_TRIGGERED_BY"] = AUTOPILOT
    return ProcessSpec(
        name=OPTIMIZER,
        command=(*OPTIMIZER_COMMAND, "--watch"),
        environment=environment,
        withheld=_SECRETS - environment.keys(),
    )


def _plan_local_model(settings: Settings) -> ProcessSpec:
    port = settings.local_model_port
    module = local_model.__name__
    return ProcessSpec(
        name=LOCAL_MODEL,
        command=(sys.executable, "-P", "-m", module, "--port", str(port)),
        environment={},
        ready_url=f"http://{LOOPBACK}:{port}/health",
        port=port,
        port_setting=local_model.PORT_SETTING,
        withheld=_SECRETS,
    )


def _variables(settings: Settings, names: Sequence[str]) -> dict[str, str]:
    """Turn settings into the variables of the same names; an unset one becomes empty.

    Empty counts as unset for a service, and hides a value that it would inherit from us.
    """
    return {name.upper(): _text(getattr(settings, name)) for name in names}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
