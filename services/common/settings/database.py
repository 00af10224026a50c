"""Settings of the way into the database."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from services.common.setting_checks import check_database_url, check_optional_url
from services.common.settings.process import ProcessSettings, Seconds


class DatabaseSettings(ProcessSettings):
    """Settings of the way into the database."""

    database_url: Annotated[SecretStr, AfterValidator(check_database_url)] = SecretStr(
        "postgresql://agent:agent@localhost:5432/agent_system"
    )
    database_timeout_seconds: Seconds = 5


class DirectDatabaseSettings(ProcessSettings):
    """Settings of the way past a pooler, which alone lets news be listened for."""

    database_direct_url: Annotated[SecretStr | None, AfterValidator(check_optional_url)] = None
