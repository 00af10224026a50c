"""Draws which arm of a rollout answers; a unit keeps its arm while the share grows. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final
from uuid import UUID

from services.common.models import Prompt
from services.common.record.assignment import Assignment

DIGEST_CHARACTERS: Final = 16
# How many digests there are.
DIGESTS: Final = 16**DIGEST_CHARACTERS


@dataclass(frozen=True, slots=True)
class Rollout:
    """A text that serves a share of traffic in place of one active prompt.

    Attributes:
        candidate_id: Its text's own id, which no client is told.
        incumbent_digest: Digest of the text in whose place it serves, and no other.
        reserved_version: What its answers have as the version of their prompt.
        share: How much of the traffic it serves, in [0, 1].
    """

    id: UUID
    candidate_id: UUID
    incumbent_digest: str
    content: str
    reserved_version: int
    share: float


@dataclass(frozen=True, slots=True)
class ActivePrompt:
    """The prompt that serves now, and what is being rolled out in its place, if anything is."""

    prompt: Prompt
    rollout: Rollout | None = None


_PREFIXED = {f"rollout_{column.name}": column.name for column in fields(Rollout)}
# Of `r`, a row of `selfheal.rollouts`.
ROLLOUT_COLUMNS: Final = ", ".join(f"r.{name} AS {alias}" for alias, name in _PREFIXED.items())


def assign(rollout: Rollout, unit: str) -> Assignment:
    """Assign a unit to an arm.

    Its digest, with the ids of rollout and candidate as salt, is a uniform number in [0, 1) of 64
    bits. Where that is less than the share the candidate answers: as the share grows, no unit
    changes back. A client is told the one id and not the other: it can't compute which arm a name
    that it makes up will fall to.

    Args:
        rollout: What is open.
        unit: Whose answers share an arm: of a session, of an end user, or of one request.
    """
    salted = (
        rollout.id.bytes + rollout.candidate_id.bytes + unit.encode("utf-8", "backslashreplace")
    )
    digest = hashlib.sha256(salted).hexdigest()[:DIGEST_CHARACTERS]
    # The product is exact, and so is the comparison of a whole number with it.
    is_candidate = int(digest, 16) < rollout.share * DIGESTS
    return Assignment(str(rollout.id), "candidate" if is_candidate else "incumbent", digest)


def read_active_prompt(record: Mapping[str, Any]) -> ActivePrompt:
    """Read a prompt and the rollout beside it, by their columns.

    A rollout in place of another text than the one that serves doesn't count: an edit by hand ends
    it at once.
    """
    values = dict(record)
    rollout = Rollout(*(values.pop(column) for column in _PREFIXED))
    prompt = Prompt(**values)
    is_open = rollout.id is not None and rollout.incumbent_digest == prompt.digest
    return ActivePrompt(prompt, rollout if is_open else None)
