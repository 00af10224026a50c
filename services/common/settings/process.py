"""Settings of every process: its log, its address, its traces."""

import os
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.common.setting_checks import check_bind_host

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
in_capitals = BeforeValidator(lambda text: text.strip().upper())
in_small_letters = BeforeValidator(lambda text: str(text).strip().lower())
USAGE_EXIT_CODE = 2
MANAGER_PORT = 8000
# To say goodbye to the database, after everything else.
STOP_MARGIN_SECONDS = 2


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

    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], in_capitals] = "INFO"
    bind_host: Annotated[str, AfterValidator(check_bind_host)] = "127.0.0.1"


class TracingSettings(ProcessSettings):
    """OpenTelemetry's own variables, which its SDK reads from the environment too."""

    otel_sdk_disabled: bool = False
    otel_traces_exporter: str = ""
    otel_logs_exporter: str = ""
    otel_metrics_exporter: str = ""
    otel_exporter_otlp_endpoint: str = ""
    otel_exporter_otlp_traces_endpoint: str = ""
    otel_exporter_otlp_logs_endpoint: str = ""
    otel_exporter_otlp_metrics_endpoint: str = ""
    otel_service_name: str = ""
    otel_instrumentation_genai_capture_message_content: Annotated[
        Literal["NO_CONTENT", "SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"], in_capitals
    ] = "NO_CONTENT"


class ServiceSettings(TracingSettings):
    """Settings of a process that serves over HTTP, and of who may reach it."""

    # Where a container's port is published, which the process in it can't know.
    published_host: Annotated[str, AfterValidator(check_bind_host)] | None = None
    allow_open: Literal["yes-i-know"] | None = None
    # Between SIGTERM and the end: new requests are still taken, then what is under way may end.
    drain_seconds: Annotated[float, Field(ge=0, le=300)] = 0
    grace_seconds: Seconds = 10

    @property
    def stop_seconds(self) -> float:
        """Longest time from SIGTERM to the end of the process."""
        return self.drain_seconds + self.grace_seconds + STOP_MARGIN_SECONDS
