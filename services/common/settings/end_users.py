"""Settings of how end users are named in what is kept of them."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from services.common.setting_checks import read_secret_file
from services.common.settings.process import ProcessSettings, in_small_letters

# With fewer, who has a hash may try keys as well as names.
LEAST_KEY_CHARACTERS: Final = 32


class EndUserSettings(ProcessSettings):
    """Settings of end users' names: the Manager hashes them, and the operator finds them again."""

    end_user: Annotated[Literal["hashed", "plain"], in_small_letters] = "hashed"
    end_user_key_file: Path | None = None
    end_user_key: Annotated[SecretStr | None, Field(validate_default=True)] = None

    @field_validator("end_user_key", mode="after")
    @classmethod
    def _read_key_file(cls, key: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """Take the key from its file, where only the file is named."""
        key = read_secret_file(key, info.data.get("end_user_key_file"), "end_user_key")
        if key is not None and len(key.get_secret_value()) < LEAST_KEY_CHARACTERS:
            raise ValueError(
                f"must have at least {LEAST_KEY_CHARACTERS} characters, so that nobody guesses it: "
                "make one with openssl rand -hex 32"
            )
        return key
