"""How many answers one stands for, where a share of them is scored."""

from typing import Final

# SQL over `c`, a row of `selfheal.conversations`.
WEIGHT: Final = "coalesce(1 / c.inclusion_probability, 1)::float"
