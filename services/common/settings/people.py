"""Settings of what people reach, and of who they are."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from services.common.setting_checks import check_base_url, check_token_file
from services.common.settings.process import ProcessSettings


class PublicSettings(ProcessSettings):
    """Settings of what browsers reach."""

    # Where people open the console; beyond this machine it begins with https://.
    public_url: Annotated[str, AfterValidator(check_base_url)] = ""
    # Other names under which Manager and console are reached, separated by commas.
    allowed_hosts: str = ""
    # Proxies in front, separated by commas: addresses, networks, or names such as `console`. They
    # alone are believed when they say who calls.
    trusted_proxies: str = ""
    # What the Manager knows the console by, where not all who reach it are on this machine.
    console_token_file: Annotated[Path | None, AfterValidator(check_token_file)] = None

    @property
    def console_token(self) -> SecretStr | None:
        """The token in CONSOLE_TOKEN_FILE."""
        file = self.console_token_file
        return SecretStr(file.read_text(encoding="utf-8-sig").strip()) if file else None


class PeopleSettings(PublicSettings):
    """Settings of who signs in, how long a session lasts, and who decides with whom."""

    session_idle_minutes: Annotated[int, Field(ge=1, le=1_440)] = 30
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    require_second_person: bool = False
    oidc_issuer: Annotated[str, AfterValidator(check_base_url)] = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    # A claim of the provider's, and which of its values is which role:
    # sre=approver, helpdesk=operator:code_generation+support
    oidc_role_claim: str = "groups"
    oidc_roles: str = ""
