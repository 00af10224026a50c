"""Creates the chat model that the settings name; no other module knows the providers."""

from dataclasses import dataclass
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from pydantic import SecretStr, ValidationError

from services.common.errors import ServiceError
from services.common.llm.chat_completions import ChatCompletionsModel
from services.common.llm.guard import ProviderGuard
from services.common.llm.guarded_model import GuardedModel
from services.common.llm.relay.endpoint_relay import EndpointRelay
from services.common.llm.relay.langchain_relay import LangChainRelay
from services.common.llm.relay.relay import ChatRelay
from services.common.settings.model import (
    DEFAULT_HOSTED_PROVIDER,
    DEFAULT_MODELS,
    LOCAL_PROVIDER,
    SIMULATED_PROVIDER,
    ModelSettings,
    SecondModelSettings,
    ServingModelSettings,
)

OPENAI_BASE_URL = "https://api.openai.com/v1"


class ModelSettingError(ServiceError):
    """The settings name a model that can't be created; the message says what to change."""

    code = "model_setting_invalid"


@dataclass(frozen=True, slots=True, eq=False)
class ServingModel:
    """A model that answers for clients.

    Attributes:
        name: Its name, without the provider's.
        chat: Takes messages, and gives one back.
        relay: Takes conversations, and passes answers on as they come.
    """

    provider: str
    name: str
    chat: ChatCompletionsModel | GuardedModel
    relay: ChatRelay
    guard: ProviderGuard


def create_chat_model(settings: ModelSettings) -> BaseChatModel:
    """Create the model that LLM_PROVIDER and LLM_MODEL name.

    Raises:
        ModelSettingError: If the provider isn't known or needs something that isn't there.
    """
    return _create(settings, settings.llm_provider, settings.llm_model)


def create_model_from_spec(
    settings: SecondModelSettings, spec: str
) -> ChatCompletionsModel | GuardedModel:
    """Create the model of a `provider:name` setting such as JUDGE_MODEL, behind a guard.

    LLM_API_KEY and LLM_BASE_URL go with it where the provider is LLM_PROVIDER; another
    provider takes its key from the environment variable that its vendor documents.

    Raises:
        ModelSettingError: If the provider isn't known or needs something that isn't there.
    """
    return _create_serving(settings, spec).chat


def create_serving_models(settings: ServingModelSettings) -> tuple[ServingModel, ...]:
    """Create the model that answers, and after it those of LLM_FALLBACKS, in their order.

    Raises:
        ModelSettingError: If one can't be created.
    """
    main = f"{settings.llm_provider}:{settings.llm_model}"
    models = tuple(_create_serving(settings, spec) for spec in (main, *settings.fallbacks))
    for model in models[:-1]:
        model.guard.gives_up = True
    return models


def _create_serving(settings: SecondModelSettings, spec: str) -> ServingModel:
    provider, _, name = spec.partition(":")
    name = name or DEFAULT_MODELS.get(provider, "")
    model = _create(settings, provider, name, openai_key=settings.openai_api_key)
    chat: ChatCompletionsModel | GuardedModel = (
        model
        if isinstance(model, ChatCompletionsModel)
        else GuardedModel(model, ProviderGuard(f"{provider}:{name}"))
    )
    relay = create_chat_relay(model, chat.guard, name, settings.llm_timeout_seconds)
    return ServingModel(provider, name, chat, relay, chat.guard)


def create_chat_relay(
    model: BaseChatModel, guard: ProviderGuard, name: str, timeout_seconds: float
) -> ChatRelay:
    """Create what passes conversations on to a model: as they are, where it takes them so."""
    if isinstance(model, ChatCompletionsModel):
        return EndpointRelay(model.endpoint, model.parameters)
    return LangChainRelay(model, name=name, timeout_seconds=timeout_seconds, guard=guard)


def _create(
    settings: ModelSettings, provider: str, model: str, *, openai_key: SecretStr | None = None
) -> BaseChatModel:
    if provider == SIMULATED_PROVIDER:
        from simulated_model.model import SimulatedChatModel  # noqa: PLC0415

        return SimulatedChatModel()
    is_main = provider == settings.llm_provider
    key = settings.llm_api_key if is_main else None
    base_url = settings.llm_base_url if is_main else ""
    if provider == LOCAL_PROVIDER:
        url = base_url or settings.local_model_url
        return _create_chat_completions(settings, provider, model, url, key)
    if provider == DEFAULT_HOSTED_PROVIDER:
        key = key if is_main else openai_key
        if key is None and not base_url:
            raise ModelSettingError(
                "LLM_PROVIDER is openai and LLM_API_KEY is not set. Put the key into .env, or set "
                "LLM_PROVIDER=simulated or local to run without one."
                if is_main
                else f"The model {provider}:{model} needs a key, since LLM_PROVIDER is another "
                "one: set OPENAI_API_KEY."
            )
        url = base_url or OPENAI_BASE_URL
        return _create_chat_completions(settings, provider, model, url, key)
    return _create_with_langchain(settings, provider, model, key, base_url)


def _create_chat_completions(
    settings: ModelSettings, provider: str, model: str, base_url: str, key: SecretStr | None
) -> BaseChatModel:
    return ChatCompletionsModel(
        provider=provider,
        base_url=base_url,
        model=model,
        api_key=key,
        timeout_seconds=settings.llm_timeout_seconds,
        temperature=settings.temperature,
        seed=settings.seed,
        max_tokens=settings.max_tokens,
        stop_after_code_block=settings.stop_after_code_block,
    )


def _create_with_langchain(
    settings: ModelSettings, provider: str, model: str, key: SecretStr | None, base_url: str
) -> BaseChatModel:
    """Create a model of any other provider, through LangChain's own registry."""
    if not model:
        raise ModelSettingError(
            f"Provider {provider!r} has no default model here: name one in LLM_MODEL, or after "
            f"a colon where the setting is one such as JUDGE_MODEL={provider}:name."
        )
    try:
        from langchain.chat_models import init_chat_model  # noqa: PLC0415
    except ImportError as error:
        raise ModelSettingError(
            f"LLM provider {provider!r} is neither simulated, local nor openai. Others need "
            "LangChain: install this project with its 'hosted' "
            "extra, and the provider's own package (for anthropic: langchain-anthropic)."
        ) from error
    options: dict[str, Any] = {
        "timeout": settings.llm_timeout_seconds,
        "temperature": settings.temperature,
        "max_tokens": settings.max_tokens,
        "api_key": key.get_secret_value() if key is not None else None,
        "base_url": base_url or None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    try:
        created: BaseChatModel = init_chat_model(model, model_provider=provider, **given)
    except Exception as error:  # vendors' exceptions share no base class
        raise ModelSettingError(
            f"Provider {provider!r} can't be used: {_explain(error, key)}. "
            "Check LLM_PROVIDER and LLM_MODEL."
        ) from error
    return created


def _explain(error: Exception, key: SecretStr | None) -> str:
    """Tell the vendor's reason without the key, which pydantic and others repeat."""
    if isinstance(error, ValidationError):
        problems = error.errors(include_input=False, include_context=False, include_url=False)
        return "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
            for problem in problems
        )
    reason = str(error)
    return reason.replace(key.get_secret_value(), "***") if key is not None else reason
