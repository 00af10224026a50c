"""Decides, by a request's head, whether a service takes it on or refuses it at once.

What it takes on is bounded by how long it would wait here, as in WeChat's DAGOR (Zhou et al.,
"Overload Control for Scaling WeChat Microservices", SoCC 2018): for the event loop, for a place
before what there are few of, and behind a sibling that refuses (docs/decisions/0034).
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

from starlette.types import Scope

from services.common.access.headers import ADMIN_PREFIX
from services.common.errors import OverloadedError
from services.common.logging import get_logger
from services.common.resilience.loop_delay import LoopDelay
from services.common.resilience.ranks import Rank, current_rank, read_rank

# Refusals are counted; the log tells of them once in a while, and not of each.
TELL_SECONDS: Final = 5.0
EVENT_LOOP: Final = "event_loop"
BUSY_PREFIXES: Final = ("/api/v1/", "/v1/")

log = get_logger()

# Tells whether a request of a rank may be taken on; each one is asked for once.
Admits = Callable[[Rank], bool]
# By path, and by what a refusal is due to.
Bounds = Mapping[str, Mapping[str, Admits]]


class Admission:
    """Refuses what would wait too long.

    Args:
        count_refusal: Told of each refusal, and why.
        bounds: What bounds the requests of a path, besides the event loop.
    """

    def __init__(self, count_refusal: Callable[[str], None], bounds: Bounds | None = None) -> None:
        self.loop_delay = LoopDelay()
        self._count_refusal = count_refusal
        self._bounds = bounds or {}
        self._told_at = -TELL_SECONDS

    def admit(self, scope: Scope) -> None:
        """Let a request through, and note its rank.

        Raises:
            OverloadedError: If it would wait too long here.
        """
        path: str = scope["path"]
        # Who puts things right comes in as ever.
        if not path.startswith(BUSY_PREFIXES) or path.startswith(ADMIN_PREFIX):
            return
        rank = read_rank(scope)
        current_rank.set(rank)
        if not self.loop_delay.admits(rank):
            self._refuse(EVENT_LOOP)
        for reason, admits in self._bounds.get(path, {}).items():
            if not admits(rank):
                self._refuse(reason)

    def _refuse(self, reason: str) -> None:
        self._count_refusal(reason)
        if (now := time.monotonic()) - self._told_at >= TELL_SECONDS:
            self._told_at = now
            log.warning("requests_refused", reason=reason)
        raise OverloadedError
