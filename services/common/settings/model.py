"""Settings of the models that answer."""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from services.common.setting_checks import check_base_url, check_model_specs
from services.common.settings.process import Port, ProcessSettings, Seconds, in_small_letters

Unsent = Annotated[Literal["none"], in_small_letters]
UNSENT: Final = "none"
SIMULATED_PROVIDER = "simulated"
LOCAL_PROVIDER = "local"
DEFAULT_HOSTED_PROVIDER = "openai"
# Who serves models at an address of their own, and refuses with HTTP 429 what is too much.
VENDORS: Final = frozenset({"openai", "anthropic", "google_genai", "mistralai"})
DEFAULT_MODELS = {
    SIMULATED_PROVIDER: "simulated",
    LOCAL_PROVIDER: "SmolLM2-135M-Instruct",
    DEFAULT_HOSTED_PROVIDER: "gpt-4.1-mini",
}


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
    # How many calls the provider serves at a time; by default that is found out.
    llm_concurrency: Annotated[int, Field(ge=1, le=4096)] | None = None
    # Longest that a live request waits until it is its turn there.
    queue_seconds: Seconds = 5

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
    def asks_a_vendor(self) -> bool:
        """Whether the model is asked at its vendor's own address."""
        return self.llm_provider in VENDORS and not self.llm_base_url

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


class ServingModelSettings(SecondModelSettings):
    """Settings of the model that answers, and of those that stand in for it."""

    llm_fallbacks: Annotated[str, AfterValidator(check_model_specs)] = ""

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """The models that answer while the main one's breaker is open, each `provider:model`."""
        return tuple(filter(None, self.llm_fallbacks.split(",")))
