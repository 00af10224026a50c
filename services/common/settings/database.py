"""Settings of the way into the database."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from services.common.setting_checks import (
    check_database_url,
    check_optional_url,
    complete_url,
)
from services.common.settings.process import ProcessSettings, Seconds


class DatabaseSettings(ProcessSettings):
    """Settings of the way into the database."""

    database_url: Annotated[SecretStr, AfterValidator(check_database_url)] = SecretStr(
        "postgresql://agent:agent@localhost:5432/agent_system"
    )
    database_timeout_seconds: Seconds = 5


class DirectDatabaseSettings(DatabaseSettings):
    """Settings of the way into the database and of the one past a pooler: only there is news heard.

    What the direct URL leaves out, DATABASE_URL fills in: each process has a user of its own.
    """

    database_direct_url: Annotated[SecretStr | None, AfterValidator(check_optional_url)] = None

    @property
    def direct_database_url(self) -> str:
        """The URL that leads past a pooler; empty where there is none."""
        if self.database_direct_url is None:
            return ""
        direct_url = self.database_direct_url.get_secret_value()
        return complete_url(direct_url, self.database_url.get_secret_value())
