"""Settings of conversations, and of the task types that they are of."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from services.common.settings.end_users import EndUserSettings
from services.common.settings.process import ProcessSettings
from services.common.settings.upstream import UpstreamSettings


class TaskTypeSettings(ProcessSettings):
    """Settings of the operator's own task types."""

    task_types_dir: Path = Path("task_types")


class ChatSettings(ProcessSettings):
    """Settings of conversations in OpenAI's shape."""

    chat_max_body_bytes: Annotated[int, Field(ge=1024, le=64 << 20)] = 4 << 20


class DoorSettings(ChatSettings, TaskTypeSettings, UpstreamSettings, EndUserSettings):
    """Settings of the door: what it takes, whom it asks, what is kept of its conversations."""

    conversation_max_bytes: Annotated[int, Field(ge=1024, le=64 << 20)] = 1 << 20
    keep_binary_parts: bool = False
