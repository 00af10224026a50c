"""Rates with confidence intervals. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Two-sided 95 % quantile of the normal distribution.
Z95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Rate:
    """A share, with its 95 % interval by Wilson (1927), which holds for rates near 0 and 1 too.

    Attributes:
        count: How many it holds for, at most `total`.
        total: Of how many.
    """

    count: int
    total: int

    @property
    def share(self) -> float | None:
        """In [0, 1]; None of nothing."""
        return self.count / self.total if self.total else None

    @property
    def low(self) -> float | None:
        """Lower end of the interval, in [0, 1]."""
        return self._bound(-1)

    @property
    def high(self) -> float | None:
        """Upper end of the interval, in [0, 1]."""
        return self._bound(+1)

    def as_json(self) -> dict[str, float | int | None]:
        """Return the interval as plain values for JSON."""
        return {
            "count": self.count,
            "total": self.total,
            "share": self.share,
            "low": self.low,
            "high": self.high,
        }

    def _bound(self, side: int) -> float | None:
        if not self.total:
            return None
        n, p = self.total, self.count / self.total
        centre = p + Z95**2 / (2 * n)
        spread = Z95 * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
        bound = (centre + side * spread) / (1 + Z95**2 / n)
        return min(1.0, max(0.0, bound))


def rate_of(holds: Sequence[bool]) -> Rate:
    """Compute the share of true outcomes, with its interval."""
    return Rate(sum(holds), len(holds))
