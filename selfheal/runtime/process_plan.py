"""Plans the processes of the system: their order, settings, and the secrets withheld from each."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args
from urllib.parse import urlsplit

from pydantic import SecretStr

from selfheal.runtime import local_model
from selfheal.runtime.ports import LOOPBACK
from selfheal.runtime.processes.records import ProcessSpec
from services.common.config import (
    ConsoleSettings,
    EvaluatorSettings,
    ManagerSettings,
    OptimizerSettings,
    Settings,
    WorkerSettings,
)
from services.common.setting_checks import name_in_url
from services.common.settings.database import DatabaseSettings
from services.common.settings.model import LOCAL_PROVIDER, ModelSettings
from services.common.settings.process import ProcessSettings, ServiceSettings, TracingSettings

LOCAL_MODEL = "local-model"
MANAGER = "manager"
CONSOLE = "console"
OPTIMIZER = "optimizer"
OPTIMIZER_COMMAND = (sys.executable, "-P", "-m", "services", OPTIMIZER)
AUTOPILOT = "autopilot"
SERVICES: Final[Mapping[str, type[ServiceSettings]]] = {
    "worker": WorkerSettings,
    "evaluator": EvaluatorSettings,
    MANAGER: ManagerSettings,
}
MODEL_VARIABLES: Final = frozenset(
    name.upper() for name in ModelSettings.model_fields.keys() - ProcessSettings.model_fields
)
# Token and key go along themselves, and tracing's variables are inherited: its SDK wants them unset
# where they are empty.
_NOT_HANDED_ON: Final = {"internal_token_file", "end_user_key_file"} | (
    TracingSettings.model_fields.keys() - ProcessSettings.model_fields
)
_SECRETS: Final = frozenset({"INTERNAL_TOKEN_FILE", "END_USER_KEY_FILE"}) | {
    name.upper()
    for name, field in Settings.model_fields.items()
    if SecretStr in (field.annotation, *get_args(field.annotation))
}

# What libpq's clients read: a password for those alone that use the database.
_DATABASE_SECRETS: Final = frozenset({"PGPASSWORD", "PGPASSFILE", "POSTGRES_PASSWORD"})

Stages = Sequence[Sequence[ProcessSpec]]


@dataclass(frozen=True, slots=True)
class Credentials:
    """The secrets by which the parts of the system know one another.

    Attributes:
        end_user_key: What names of end users are hashed with: the Manager alone gets it.
        service_urls: The services' own ways into the database, by service. Where one is missing,
            the service goes in by `database_url`; the console alone does without.
    """

    database_url: str = field(default="", repr=False)
    internal_token: str = field(default="", repr=False)
    end_user_key: str = field(default="", repr=False)
    service_urls: Mapping[str, str] = field(default_factory=dict, repr=False)

    def of(self, service: str) -> dict[str, object]:
        """Return the credentials as a service gets them, by the settings' names."""
        return {
            "database_url": self.service_urls.get(service) or self.database_url,
            "console_database_url": self.service_urls.get(CONSOLE, ""),
            "internal_token": self.internal_token,
            "end_user_key": self.end_user_key,
        }


def plan_processes(
    settings: Settings, credentials: Credentials, *, autopilot: bool = False
) -> Stages:
    """List the processes in stages: each stage starts when the one before it is ready.

    The credentials go only to those that need them. With `autopilot` the Optimizer runs as well.
    """
    first = [_plan_local_model(settings)] if needs_local_model(settings) else []
    worker, evaluator, manager = (_plan_service(name, settings, credentials) for name in SERVICES)
    fourth = [_plan_optimizer(settings, credentials)] if autopilot else []
    last = [_plan_console(settings, credentials)] if has_console(settings) else []
    return [stage for stage in (first, [worker, evaluator], [manager], fourth, last) if stage]


def has_console(settings: Settings) -> bool:
    """Tell whether the console is a part: unless it is off, or lacks a way into a server of ours.

    In the embedded database it has a user of its own, whose password is made with the database.
    """
    return settings.console == "on" and not lacks_console_database(settings)


def lacks_console_database(settings: Settings) -> bool:
    """Tell whether the operator named a database, and no user of it for the console."""
    return "database_url" in settings.model_fields_set and not settings.console_database_url


def needs_local_model(settings: Settings) -> bool:
    """Tell whether a model that the settings name is the one that we serve ourselves."""
    ours = f"http://{LOOPBACK}:{settings.local_model_port}/v1"
    if settings.llm_provider == LOCAL_PROVIDER:
        return settings.llm_base_url.rstrip("/") == ours
    if settings.local_model_url.rstrip("/") != ours:
        return False
    others = (settings.judge_model, settings.optimizer_model, settings.refiner_model)
    named = (*others, *settings.fallbacks)
    return any(model.partition(":")[0] == LOCAL_PROVIDER for model in named)


def optimizer_environment(settings: Settings, credentials: Credentials) -> dict[str, str]:
    """Return the variables that a run of the Optimizer needs to reach this system."""
    own = credentials.of(OPTIMIZER)
    direct, own_url = settings.database_direct_url, credentials.service_urls.get(OPTIMIZER)
    if direct and own_url:
        own["database_direct_url"] = _lead_to(direct.get_secret_value(), own_url)
    return _variables(OptimizerSettings, settings, own)


def _plan_service(name: str, settings: Settings, credentials: Credentials) -> ProcessSpec:
    port_setting = f"{name}_port"
    port: int = getattr(settings, port_setting)
    environment = _variables(SERVICES[name], settings, credentials.of(name))
    has_database = issubclass(SERVICES[name], DatabaseSettings)
    return ProcessSpec(
        name=name,
        # -P keeps a directory called `services` where the command runs from shadowing ours
        command=(sys.executable, "-P", "-m", "services", name),
        environment=environment,
        ready_url=f"http://{name_in_url(settings.bind_host)}:{port}/health/ready",
        host=settings.bind_host,
        port=port,
        port_setting=port_setting.upper(),
        withheld=(_SECRETS if has_database else _SECRETS | _DATABASE_SECRETS) - environment.keys(),
    )


def _plan_console(settings: Settings, credentials: Credentials) -> ProcessSpec:
    """Plan the console: nothing depends on it, so that all else runs where it can't."""
    environment = _variables(ConsoleSettings, settings, credentials.of(CONSOLE))
    host = settings.console_bind_host
    return ProcessSpec(
        name=CONSOLE,
        command=(sys.executable, "-P", "-m", "services", CONSOLE),
        environment=environment,
        ready_url=f"http://{name_in_url(host)}:{settings.console_port}/health/ready",
        host=host,
        port=settings.console_port,
        port_setting="CONSOLE_PORT",
        withheld=(_SECRETS | _DATABASE_SECRETS) - environment.keys(),
        is_optional=True,
    )


def _plan_optimizer(settings: Settings, credentials: Credentials) -> ProcessSpec:
    """Plan the continuous mode, which listens on no port: it is ready once it has run a moment."""
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
        withheld=_SECRETS | _DATABASE_SECRETS,
    )


def _lead_to(place_url: str, user_url: str) -> str:
    """Return the URL of a user that leads where another's does."""
    place, user = urlsplit(place_url), urlsplit(user_url)
    who, host = user.netloc.rpartition("@")[0], place.netloc.rpartition("@")[2]
    return user._replace(netloc=f"{who}@{host}", path=place.path).geturl()


def _variables(
    read_by: type[ProcessSettings], settings: Settings, credentials: Mapping[str, object]
) -> dict[str, str]:
    """Return the variables of the settings that a process reads; an unset one is empty.

    Empty counts as unset for a service, and hides a value that it would inherit from us. No `.env`
    is read: it holds the secrets of all.
    """
    given: dict[str, object] = {**dict(settings), **credentials}
    names = read_by.model_fields.keys() - _NOT_HANDED_ON
    return {"SELFHEAL_ENV_FILE": ""} | {name.upper(): _text(given[name]) for name in names}


def _text(value: object) -> str:
    if value is None:
        return ""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
