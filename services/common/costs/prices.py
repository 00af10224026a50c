"""Knows what calls of models cost, or that nobody here knows."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from services.common.metering.spending import Spending
from services.common.settings.model import LOCAL_PROVIDER, SIMULATED_PROVIDER
from services.common.settings.price_table import Price, PriceTable, read_price_table

FREE: Final = Price(input=Decimal(0), output=Decimal(0))
# What they answer with is on this machine, and nobody writes a bill for it.
WITHOUT_BILL: Final = (LOCAL_PROVIDER, SIMULATED_PROVIDER)


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of models.

    Attributes:
        own: The operator's, by patterns of `provider:model`; the first that fits goes before
            everything else.
    """

    own: PriceTable = field(default_factory=dict)

    @classmethod
    def open(cls, file: Path | None) -> "Prices":
        """Read the operator's own, where there are any."""
        return cls(read_price_table(file) if file else {})

    def cost(self, model: str, spent: Spending, at: datetime | None = None) -> Decimal | None:
        """Return what was spent on a model in USD; None where its price isn't known.

        Args:
            model: As `provider:model`.
            at: When it was asked; now by default.
        """
        provider, _, name = model.partition(":")
        cached = min(spent.cached_tokens, spent.input_tokens)
        if price := self._find_own(model):
            return price.cost(
                input_tokens=spent.input_tokens,
                cached_tokens=cached,
                output_tokens=spent.output_tokens,
            )
        # Imported where it is needed: it takes 0.1 s and 12 MB.
        from genai_prices import Usage, calc_price  # noqa: PLC0415

        usage = Usage(
            input_tokens=spent.input_tokens,
            cache_read_tokens=cached,
            output_tokens=spent.output_tokens,
        )
        try:
            found = calc_price(
                usage, name, provider_id=provider, genai_request_timestamp=at or datetime.now(UTC)
            )
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
