"""Settings of the pauses between heals: how long they are, and which runs they bind."""

from typing import Annotated

from pydantic import Field

from services.common.settings.process import ProcessSettings


class PauseSettings(ProcessSettings):
    """How long a prompt is left alone after a heal that held or didn't last."""

    optimizer_cooldown_seconds: Annotated[float, Field(ge=0, le=86_400)] = 60
    # Whether nobody starts the one-shot runs, so that pauses bind them as they bind the autopilot.
    optimizer_unattended: bool = False
