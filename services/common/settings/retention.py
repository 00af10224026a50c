"""Settings of how long the log is kept."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from services.common.setting_checks import MAX_DAYS
from services.common.settings.process import ProcessSettings

MINUTES_A_DAY = 24 * 60


class LookbackSettings(ProcessSettings):
    """How far back the Optimizer looks for failures."""

    optimizer_lookback_minutes: Annotated[int, Field(ge=1, le=10_080)] = 30


def _check_lookback(days: int | None, info: ValidationInfo) -> int | None:
    minutes = info.data.get("optimizer_lookback_minutes", 0)
    if days is not None and days * MINUTES_A_DAY < minutes:
        raise ValueError(
            f"must be at least as long as OPTIMIZER_LOOKBACK_MINUTES ({minutes}): a heal reads them"
        )
    return days


def _check_order(days: int | None, info: ValidationInfo) -> int | None:
    rows = info.data.get("log_retention_days")
    if days is not None and rows is not None and days > rows:
        raise ValueError(f"must be at most LOG_RETENTION_DAYS ({rows}): texts go with their rows")
    return days


Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]


class RetentionSettings(LookbackSettings):
    """For how many days rows of the log, and the texts in them, are kept; unset for ever."""

    log_retention_days: Annotated[Days | None, AfterValidator(_check_lookback)] = None
    body_retention_days: Annotated[
        Days | None, AfterValidator(_check_lookback), AfterValidator(_check_order)
    ] = None
