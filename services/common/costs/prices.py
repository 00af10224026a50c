"""Knows what calls of models cost, or that nobody here knows."""

from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from services.common.metering.spending import Spending
from services.common.settings.costs import Price, PriceTable, read_price_table
from services.common.settings.model import LOCAL_PROVIDER, SIMULATED_PROVIDER

MILLION: Final = 1_000_000
FREE: Final = Price(input=Decimal(0), output=Decimal(0))
# What they answer with is on this machine, and nobody writes a bill for it.
WITHOUT_BILL: Final = (LOCAL_PROVIDER, SIMULATED_PROVIDER)


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of models of today.

    Attributes:
        own: The operator's, by patterns of `provider:model`; the first that fits goes before
            everything else.
    """

    own: PriceTable = field(default_factory=dict)

    @classmethod
    def open(cls, file: Path | None) -> "Prices":
        """Read the operator's own, where there are any."""
        return cls(read_price_table(file) if file else {})

    def cost(self, model: str, spent: Spending) -> Decimal | None:
        """Return what was spent on a `provider:model` in USD; None where its price isn't known."""
        if price := self._find_own(model):
            cached = price.input if price.cached_input is None else price.cached_input
            return (
                price.input * (spent.input_tokens - spent.cached_tokens)
                + cached * spent.cached_tokens
                + price.output * spent.output_tokens
            ) / MILLION
        # Imported where it is needed: it takes 0.1 s and 12 MB.
        from genai_prices import Usage, calc_price  # noqa: PLC0415

        provider, _, name = model.partition(":")
        usage = Usage(
            input_tokens=spent.input_tokens,
            cache_read_tokens=spent.cached_tokens,
            output_tokens=spent.output_tokens,
        )
        try:
            found = calc_price(usage, name, provider_id=provider)
        except (LookupError, ValueError):
            return None
        # What it has no price for counts as nothing there, which would be a guess.
        known = found.model_price.input_mtok, found.model_price.output_mtok
        return None if None in known else found.total_price

    def is_free(self, model: str) -> bool:
        """Tell whether a model costs nothing, however much it is asked."""
        price = self._find_own(model)
        return price is not None and not (price.input or price.output or price.cached_input)

    def _find_own(self, model: str) -> Price | None:
        """Find the operator's own price; of what no bill is written for, that it is nothing."""
        for pattern, price in self.own.items():
            if fnmatchcase(model.lower(), pattern.lower()):
                return price
        return FREE if model.partition(":")[0] in WITHOUT_BILL else None
