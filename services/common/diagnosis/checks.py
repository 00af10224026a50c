"""What is looked at wherever the system runs: Python, the model, the network."""

import importlib.util
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.common.access.networks import is_exposed, name_exposure
from services.common.settings.model import DEFAULT_HOSTED_PROVIDER, LOCAL_PROVIDER, ModelSettings
from services.common.settings.process import ServiceSettings

OLDEST_PYTHON: Final = (3, 11)
NEWEST_PYTHON: Final = (3, 13)


class CheckResult(StrEnum):
    """How a check came out: only `FAIL` keeps the system from running."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, what was found, and what to do about it."""

    name: str
    found: str
    result: CheckResult = CheckResult.OK
    remedy: str = ""


def check_python(version: tuple[int, ...]) -> Check:
    """Judge the version of Python."""
    words = ".".join(str(part) for part in version)
    if OLDEST_PYTHON <= tuple(version[:2]) <= NEWEST_PYTHON:
        return Check("Python", words)
    remedy = "Use Python 3.11, 3.12 or 3.13."
    return Check("Python", f"{words} isn't supported", CheckResult.FAIL, remedy)


def check_network(settings: ServiceSettings, *, asks: bool) -> Check:
    """Say who reaches the services, and whether they ask who calls.

    Args:
        asks: Whether keys are asked for on this machine too.
    """
    if not is_exposed(settings):
        asked = "keys are asked for" if asks else "no key is asked for"
        return Check("network", f"{settings.bind_host}: this machine alone, {asked}")
    found = f"others reach the services ({name_exposure(settings)})"
    if settings.allow_open:
        remedy = "Unset ALLOW_OPEN, and make keys with: selfheal keys create NAME --scope serve"
        return Check("network", f"{found}, and anybody may use them", CheckResult.WARN, remedy)
    return Check("network", f"{found}, and keys are asked for (selfheal keys list)")


def check_provider(settings: ModelSettings, *, has_langchain: bool) -> Check:
    """Judge whether the model that the settings name can be used; shows no key."""
    name = "model"
    model = settings.llm_model or "no LLM_MODEL"
    found = model if model == settings.llm_provider else f"{settings.llm_provider}, {model}"
    key = "LLM_API_KEY is set" if settings.llm_api_key else "no LLM_API_KEY"
    if settings.llm_provider in ("simulated", LOCAL_PROVIDER):
        return Check(name, f"{found} (needs no key)")
    if settings.llm_provider == DEFAULT_HOSTED_PROVIDER:
        if settings.llm_api_key or settings.llm_base_url:
            return Check(name, f"{found}, {key}")
        remedy = "Put LLM_API_KEY into .env, or set LLM_PROVIDER=simulated or local."
        return Check(name, f"{found}, {key}", CheckResult.FAIL, remedy)
    if not has_langchain:
        remedy = "Install it with: pip install 'self-healing-agent-system[hosted]'"
        return Check(name, f"{found}: needs LangChain's providers", CheckResult.FAIL, remedy)
    return Check(name, f"{found}, {key}")


def is_installed(package: str) -> bool:
    """Tell whether a package can be imported here."""
    return importlib.util.find_spec(package) is not None
