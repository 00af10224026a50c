"""Holds what the log tells of a prompt: plain values."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from services.common.chat.messages import ChatInput
from services.common.record.surprise import Outcome, Record
from services.common.text import digest_text

# Answers to one and the same input that count, the newest: who repeats a request a hundred times
# neither hides what fails nor makes it look worse.
MAX_ANSWERS_PER_INPUT = 5
# Answers that a prompt gives until another one of an input that was repeated counts.
ANSWERS_BETWEEN = 400
# A prompt that passes so many served well; one that passes so many golden inputs still does.
GOOD_PASS_RATE = 0.7

Item = TypeVar("Item")


def find_model(results: "Sequence[LoggedResult]") -> str:
    """Find the model that answers now: that of the newest answer whose model is known."""
    return next((row.model for row in results if row.model), "")


def is_by_model(model: str | None, current: str) -> bool:
    """Tell whether an answer counts beside those of a model; one of an unknown model does."""
    return model in (None, "", current)


def is_by_evaluator(fingerprint: str | None, current: str) -> bool:
    """Tell whether a score counts beside those of an evaluator; one of an unknown one does."""
    return fingerprint in (None, "", current) or not current


def take_first(items: Iterable[Item], most: int, key: Callable[[Item], Hashable]) -> list[Item]:
    """Take the first few items of each key, in their order."""
    counts: Counter[Hashable] = Counter()
    taken = []
    for item in items:
        counts[key(item)] += 1
        if counts[key(item)] <= most:
            taken.append(item)
    return taken


def give_shares(answers: Iterable[tuple[Hashable, bool, float]]) -> list[Outcome]:
    """Tell what each answer counts for, the oldest first; whether it counts, the past alone says.

    Of one input five answers count, and then one in 400 answers (a token bucket). Where a share of
    the answers is scored, the heaviest counts as one: any other stands for fewer.

    Args:
        answers: The input of each, whether it passed, and how many answers it stands for.
    """
    left: dict[Hashable, tuple[float, int]] = {}
    counted = []
    for at, (text, passed, weight) in enumerate(answers):
        before, then = left.get(text, (float(MAX_ANSWERS_PER_INPUT), at))
        tokens = min(MAX_ANSWERS_PER_INPUT, before + (at - then) / ANSWERS_BETWEEN)
        counts = tokens >= 1
        left[text] = tokens - counts, at
        if counts:
            counted.append((passed, weight, 1 + round(MAX_ANSWERS_PER_INPUT - tokens)))
    heaviest = max((weight for _, weight, _ in counted), default=1.0)
    return [Outcome(passed, weight / heaviest, nth) for passed, weight, nth in counted]


@dataclass(frozen=True, slots=True)
class LoggedResult:
    """What a log row tells: input, answer, score in [0, 1], and the rules that failed.

    `fingerprint` names the evaluator that gave the score, `model` the model that answered.
    `conversation` is what was asked at the door, of which the inputs are the last message alone.
    `weight` is how many answers it stands for, at least 1: more than one where a share is scored.
    `row_id` is the row's in the log; 0 for what is in no log.
    """

    user_input: str
    refined_input: str
    score: float
    passed: bool
    failed_rules: tuple[str, ...] = ()
    worker_output: str = ""
    fingerprint: str = ""
    model: str = ""
    request_id: str = ""
    conversation: ChatInput | None = field(default=None, hash=False)
    weight: float = 1.0
    row_id: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """All that was asked: what two rows have in common that are one input."""
        return self.conversation.text if self.conversation else self.refined_input


@dataclass(frozen=True, slots=True)
class UnscoredCount:
    """How often a request got no score, by the service that failed and the code that it gave."""

    service: str
    code: str
    times: int


@dataclass(frozen=True, slots=True)
class Window:
    """What was logged for a prompt lately.

    Answers of different models don't compare: `results` and what is `earlier` are of the one that
    answers now.

    Attributes:
        results: Scored answers, the newest first, 300 at most.
        earlier: How the prompt did before the window, under the evaluator that judges now.
        earlier_by_others: How it did then under other evaluators.
        by_other_models: Scored answers within the window that other models gave.
        earlier_by_other_models: How the prompt did with those before, under this evaluator.
    """

    results: tuple[LoggedResult, ...]
    unscored: tuple[UnscoredCount, ...] = ()
    earlier: Record = field(default=Record())
    earlier_by_others: Record = field(default=Record())
    by_other_models: tuple[LoggedResult, ...] = ()
    earlier_by_other_models: Record = field(default=Record())

    @property
    def model(self) -> str:
        """The model that answers now; empty where it isn't known."""
        return find_model(self.results)

    @property
    def fingerprint(self) -> str:
        """The evaluator that judges now; empty where it isn't known."""
        return self.results[0].fingerprint if self.results else ""


@dataclass(frozen=True, slots=True)
class PastPrompt:
    """A prompt that served before, and how it did.

    Its last scored answers count, in its latest period: `scored` and `passed` under the evaluator
    that judges now, the others under other ones. 200 at most, or 30 where evaluators matter.
    """

    content: str
    version: int
    scored: int
    passed: int
    prompt_id: int = 0
    served_from: datetime | None = None
    served_until: datetime | None = None
    scored_by_others: int = 0
    passed_by_others: int = 0

    @property
    def record(self) -> Record:
        """How many of its answers were scored, and how many passed."""
        return Record(self.scored, self.passed)

    @property
    def digest(self) -> str:
        """SHA-256 of its text, as `Prompt.digest` is."""
        return digest_text(self.content)

    @property
    def is_untried(self) -> bool:
        """Whether nothing is known of it, or under other evaluators alone, and nothing bad."""
        by_others = Record(self.scored_by_others, self.passed_by_others)
        return not self.scored and (not by_others.scored or by_others.pass_rate >= GOOD_PASS_RATE)
