"""What is replayed, and what comes of it: plain values."""

from dataclasses import dataclass, field

from services.common.chat.messages import ChatInput
from services.common.text import digest_text
from services.optimizer.app.services.log.log_records import LoggedResult

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

    @classmethod
    def of_row(cls, name: str, row: LoggedResult, source: str) -> "ReplayInput":
        """Make one of what was asked in a row of the log."""
        return cls(name, row.user_input, row.refined_input, source, conversation=row.conversation)

    @property
    def text(self) -> str:
        """All that is asked."""
        return self.conversation.text if self.conversation else self.refined_input

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that stand for what is asked."""
        return digest_text(self.text)[:16]


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
