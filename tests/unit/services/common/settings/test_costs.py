"""The operator's own prices: read in their order, or refused with the place that is wrong."""

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError
from support.rows import for_each

from services.common.config import ManagerSettings, explain_settings_error
from services.common.costs.prices import Prices
from services.common.metering.spending import Spending
from services.common.settings.costs import read_price_table

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
    ('["a:b"]\ninput = 1\n', ", a:b → output: Field required"),
    ('["a:b"]\ninput = 1\noutput = "dear"\n', ", a:b → output: "),
    ('["a:b"]\ninput = -1\noutput = 1\n', ", a:b → input: "),
    ('["a:b"]\ninput = nan\noutput = 1\n', ", a:b → input: "),
    ('["a:b"]\ninput = inf\noutput = 1\n', ", a:b → input: "),
    ('["a:b"]\ninput = 1\noutput = 1\nout = 3\n', ", a:b → out: "),
    ('["x:y"]\ninput = 1\noutput = 1\n["a:b"]\ninput = true\noutput = 1\n', ", a:b → input"),
    ("# first\nmodel = 3\n", ", model: "),
    ("[openai.gpt]\nread = 1\noutput = 1\n", ", openai → input: "),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "prices.toml"


def test_prices_are_read_to_the_last_digit_and_in_their_order(file: Path) -> None:
    file.write_text(GOOD)
    table = read_price_table(file)
    assert list(table) == ["openai:gpt-4.1*", "vllm:*"]
    prices = Prices.open(file)
    assert prices.cost("openai:gpt-4.1", Spending(1, 1_000, 10, 400)) == Decimal("0.00148")
    assert prices.cost("vllm:any", Spending(1, 3, 1, 2)) == Decimal("0.0000004")


@for_each(BAD)
def test_a_wrong_place_is_named(bad: tuple[str, str], file: Path) -> None:
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
