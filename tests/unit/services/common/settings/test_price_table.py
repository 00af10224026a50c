"""The operator's own prices: read in their order, or refused with the line that is wrong."""

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError
from support.rows import for_each

from services.common.config import ManagerSettings, explain_settings_error
from services.common.settings.price_table import read_price_table

GOOD = """
# What we agreed on.
["openai:gpt-4.1*"]
input = 2
cached_input = 0.5
output = 8.00

["vllm:*"]
input = 0.1
output = 0.1
"""
# A file, and what is said of it.
BAD = [
    ("[gpt", "is no TOML"),
    ('["a:b"]\ninput = 1\n', "line 1, a:b → output: Field required"),
    ('["a:b"]\ninput = 1\noutput = "dear"\n', "line 3, a:b → output: "),
    ('["a:b"]\ninput = -1\noutput = 1\n', "line 2, a:b → input: "),
    ('["a:b"]\ninput = nan\noutput = 1\n', "line 2, a:b → input: "),
    ('["a:b"]\ninput = inf\noutput = 1\n', "line 2, a:b → input: "),
    ('["a:b"]\ninput = 1\noutput = 1\nout = 3\n', "line 4, a:b → out: "),
    ('["x:y"]\ninput = 1\noutput = 1\n["a:b"]\ninput = true\noutput = 1\n', "line 5, a:b → input"),
    ("# first\nmodel = 3\n", "line 2, model: "),
    ("[openai.gpt]\nread = 1\noutput = 1\n", "line 1, openai → input: "),
    ('["x:y"]\ninput = 1\n["a:b"]\ninput = 1\noutput = 1\n', "line 1, x:y → output: "),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "prices.toml"


def test_prices_are_read_to_the_last_digit_and_in_their_order(file: Path) -> None:
    file.write_text(GOOD)
    table = read_price_table(file)
    assert list(table) == ["openai:gpt-4.1*", "vllm:*"]
    price = table["openai:gpt-4.1*"]
    assert price.cost(input_tokens=1_000, cached_tokens=400, output_tokens=10) == Decimal("0.00148")
    price = table["vllm:*"]
    assert price.cost(input_tokens=3, cached_tokens=2, output_tokens=1) == Decimal("0.0000004")


@for_each(BAD)
def test_a_wrong_line_is_named(bad: tuple[str, str], file: Path) -> None:
    text, said = bad
    file.write_text(text)
    with pytest.raises(ValueError, match=r"prices\.toml") as raised:
        read_price_table(file)
    assert said in str(raised.value)


def test_no_service_starts_with_prices_that_cant_be_read(file: Path) -> None:
    with pytest.raises(ValidationError) as raised:
        ManagerSettings(prices_file=file)
    assert "setting PRICES_FILE: " in explain_settings_error(raised.value)
    assert "prices.toml can't be read (FileNotFoundError)" in explain_settings_error(raised.value)
