"""Settings of what calls of models cost: the operator's own prices, a TOML file (docs/costs.md)."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.common.settings.process import ProcessSettings

UsdPerMillion = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """What a million tokens cost, in USD; cached input by default as much as other input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: UsdPerMillion
    output: UsdPerMillion
    cached_input: UsdPerMillion | None = None


PriceTable = dict[str, Price]
_TABLE: Final = TypeAdapter(PriceTable)


def read_price_table(path: Path) -> PriceTable:
    """Read the prices by the pattern of their models, in the file's order.

    Raises:
        ValueError: If it can't be read, or a price is wrong; it says which.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return _TABLE.validate_python(tomllib.loads(text, parse_float=Decimal))
    except OSError as error:
        raise ValueError(f"{path} can't be read ({type(error).__name__})") from error
    except (UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        raise ValueError(
            f"{path}, {' → '.join(map(str, problem['loc']))}: {problem['msg']}; a model is a table "
            'such as ["openai:gpt-4.1*"] with input, output and, if you like, cached_input, in USD '
            "for a million tokens"
        ) from error


def _check(path: Path | None) -> Path | None:
    if path is not None:
        read_price_table(path)
    return path


class CostSettings(ProcessSettings):
    """Settings of prices: a table of the operator's own goes before what is known of them."""

    prices_file: Annotated[Path | None, AfterValidator(_check)] = None
