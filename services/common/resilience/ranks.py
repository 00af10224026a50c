"""Who goes first where not all can: live requests before scoring, scoring before replays."""

from contextvars import ContextVar
from enum import IntEnum

from starlette.types import Scope

from services.common.access.headers import read_header

PURPOSE_HEADER = "x-selfheal-purpose"
_HEADER = PURPOSE_HEADER.encode()
LIVE_PURPOSE = "live"
SCORING_PURPOSE = "scoring"


class Rank(IntEnum):
    """Whose turn it is first; somebody waits for what is live, and nobody for the others."""

    LIVE = 0
    SCORING = 1
    REPLAY = 2


_RANKS = {SCORING_PURPOSE: Rank.SCORING, "replay": Rank.REPLAY}

# That of the request that is being served.
current_rank: ContextVar[Rank] = ContextVar("current_rank", default=Rank.LIVE)


def read_rank(scope: Scope) -> Rank:
    """Read from a request's head what it is for; a person's trial is live, as all that isn't told.

    A client may lower its own rank so; there is none above that of live requests.
    """
    return _RANKS.get(read_header(scope, _HEADER), Rank.LIVE)


def name_purpose(purpose: str) -> dict[str, str]:
    """Return the header that tells a sibling what a request is for."""
    return {} if purpose == LIVE_PURPOSE else {PURPOSE_HEADER: purpose}
