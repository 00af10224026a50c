"""Settings of the parts that a service calls, and of what they know one another by."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from services.common.setting_checks import name_in_url, read_secret_file
from services.common.settings.costs import CostSettings
from services.common.settings.process import Port, ProcessSettings, Seconds

WORKER_PORT = 8001
EVALUATOR_PORT = 8002


class TokenSettings(ProcessSettings):
    """Settings of the token by which the parts of the system know one another."""

    internal_token_file: Path | None = None
    internal_token: Annotated[SecretStr | None, Field(validate_default=True)] = None

    @field_validator("internal_token", mode="after")
    @classmethod
    def _read_token_file(cls, token: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Take the token from its file, where only the file is named."""
        return read_secret_file(token, info.data.get("internal_token_file"), "internal_token")


class WorkerTime(ProcessSettings):
    """Most seconds that the Worker may take: it keeps to them, and so do its callers."""

    worker_timeout_seconds: Seconds = 90


class EvaluatorTime(ProcessSettings):
    """Most seconds that the Evaluator may take: it keeps to them, and so do its callers."""

    evaluator_timeout_seconds: Seconds = 60


class UpstreamSettings(TokenSettings, WorkerTime, EvaluatorTime, CostSettings):
    """Settings of how Worker and Evaluator are reached, what they know the caller by, and what the
    models behind them cost.
    """

    worker_port: Port = WORKER_PORT
    evaluator_port: Port = EVALUATOR_PORT
    worker_url: str = ""
    evaluator_url: str = ""

    @model_validator(mode="after")
    def _derive_urls(self) -> Self:
        host = name_in_url(self.bind_host)
        self.worker_url = self.worker_url or f"http://{host}:{self.worker_port}"
        self.evaluator_url = self.evaluator_url or f"http://{host}:{self.evaluator_port}"
        return self
