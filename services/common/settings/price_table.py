"""Reads the operator's own prices, a TOML file (docs/costs.md)."""

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MILLION: Final = Decimal(1_000_000)
MAX_PRICE: Final = 1_000_000
UsdPerMillion = Annotated[Decimal, Field(ge=0, le=MAX_PRICE)]


class Price(BaseModel):
    """What a million tokens cost, in USD; cached input by default as much as other input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: UsdPerMillion
    output: UsdPerMillion
    cached_input: UsdPerMillion | None = None

    def cost(self, *, input_tokens: int, cached_tokens: int, output_tokens: int) -> Decimal:
        """Return what tokens cost, in USD; the cached ones are among the input."""
        cached = self.input if self.cached_input is None else self.cached_input
        whole = (
            self.input * (input_tokens - cached_tokens)
            + cached * cached_tokens
            + self.output * output_tokens
        )
        return whole / MILLION


PriceTable = dict[str, Price]
_TABLE: Final = TypeAdapter(PriceTable)


def read_price_table(path: Path) -> PriceTable:
    """Read the prices by the pattern of their models, in the file's order.

    Raises:
        ValueError: If it can't be read, or a line is wrong; it says which.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise ValueError(f"{path} can't be read ({type(error).__name__})") from error
    try:
        return _TABLE.validate_python(tomllib.loads(text, parse_float=Decimal))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = [str(part) for part in problem["loc"]]
        line = _find_line(text.splitlines(), place)
        raise ValueError(
            f"{path}, line {line}, {' → '.join(place)}: {problem['msg']}; a model is a table such "
            'as ["openai:gpt-4.1*"] with input, output and, if you like, cached_input, in USD for '
            "a million tokens"
        ) from error


def check_price_table(path: Path | None) -> Path | None:
    """Make sure that the file can be used.

    Raises:
        ValueError: If it can't.
    """
    if path is not None:
        read_price_table(path)
    return path


def _find_line(lines: Sequence[str], place: Sequence[str]) -> int:
    """Find the line of a model's table, or of a field in it: TOML's reader doesn't keep them."""
    model, *fields = place
    opens = [line.lstrip().startswith("[") for line in lines]
    keys = [line.partition("=")[0].strip(" \t\"'") for line in lines]
    numbers = range(len(lines))
    start = next((n for n in numbers if keys[n] == model or (opens[n] and model in lines[n])), 0)
    end = next((n for n in numbers[start + 1 :] if opens[n]), len(lines))
    return next((n for n in range(start, end) if keys[n] in fields), start) + 1
