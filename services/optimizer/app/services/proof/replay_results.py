"""What is replayed, and what comes of it: plain values."""

import hashlib
from dataclasses import dataclass, field

from services.common.chat.messages import ChatInput

FAILING, GOLDEN, GUARD = "failing", "golden", "guard"


@dataclass(frozen=True, slots=True)
class ReplayInput:
    """An input to replay.

    Attributes:
        source: Where it comes from: `failing`, `golden` or `guard`.
        golden_id: The golden input's id, by which the Evaluator finds its checks.
        conversation: What was asked at the door; the inputs are its last message alone.
    """

    id: str
    user_input: str
    refined_input: str
    source: str
    golden_id: str | None = None
    conversation: ChatInput | None = field(default=None, hash=False)

    @property
    def text(self) -> str:
        """All that is asked."""
        return self.conversation.text if self.conversation else self.refined_input

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that stand for what is asked."""
        return hashlib.sha256(self.text.encode("utf-8", "replace")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A replay's outcome.

    Attributes:
        score: In [0, 1].
        fingerprint: The evaluator that gave the score.
    """

    score: float
    passed: bool
    fingerprint: str
    output: str = ""
    failed_rules: tuple[str, ...] = ()
