"""Records of plays with the noisy model: what prompts are worth in truth, and what came of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

# A text is no better where its true share of right answers is within so little of the other's.
SAME_RATE: Final = 0.005
# Differences of the Evaluator's mean score that are none: steps of the rules.
SAME_SCORE: Final = 0.01
# Harm is what costs more than a tenth of the right answers.
HARM: Final = 0.1
# A regression is recovered where so much is earned of what the good text earns.
RECOVERED_SHARE: Final = 0.9
PROMOTED, ROLLED_BACK, CANARY = "promoted", "rolled_back", "canary"
# What a candidate that passed the gate came to.
BY_CANARY, BY_WATCH, BY_HEAL, UNDECIDED = "canary", "watch", "heal", "undecided"


@dataclass(frozen=True, slots=True)
class Worth:
    """What a prompt earns on held-out inputs, by the model's own construction.

    Attributes:
        rate: True share of right answers, in [0, 1].
        seen_rate: Share of answers that the Evaluator passes, in [0, 1].
        seen_score: The Evaluator's mean score, in [0, 1].
    """

    rate: float
    seen_rate: float
    seen_score: float

    def is_tie(self, other: "Worth") -> bool:
        """Tell whether it is as good as the other, in truth and in the Evaluator's eyes."""
        return (
            abs(self.rate - other.rate) <= SAME_RATE
            and abs(self.seen_score - other.seen_score) <= SAME_SCORE
        )

    def is_no_better(self, other: "Worth") -> bool:
        """Tell whether it earns no more right answers than the other."""
        return self.rate <= other.rate + SAME_RATE

    def is_harmful(self, other: "Worth") -> bool:
        """Tell whether it costs more than a tenth of the right answers."""
        return self.rate < other.rate - HARM


@dataclass(frozen=True, slots=True)
class Heal:
    """One run of the Optimizer.

    Attributes:
        decision: `promoted`, `held`, `canary` and so on, as it stands in the end.
        verdict: Whose fault it said it was; empty where it didn't come so far.
        strategy: Where the candidate comes from that came before the gate; empty without one.
        incumbent: What served.
        candidate: What came before the gate; None where nothing did.
        passed: Whether the gate let it pass.
        calls: Calls of the Worker.
    """

    decision: str
    reason: str
    verdict: str
    strategy: str
    incumbent: Worth
    candidate: Worth | None
    passed: bool
    calls: int

    @property
    def is_harmful(self) -> bool:
        """Whether a candidate came before the gate that does harm."""
        return self.candidate is not None and self.candidate.is_harmful(self.incumbent)


@dataclass(frozen=True, slots=True)
class Service:
    """What a candidate that passed the gate did to users.

    Attributes:
        before: What it was to replace.
        worth: What it is worth for those who asked then.
        answers: Answers given while it served more than a tenth of the traffic.
        wrong: Wrong answers of the candidate's at any share.
        stopped_by: `canary`, `watch`, `heal`; `undecided` where its canary hadn't ended with the
            play; or empty where it served everybody in the end.
    """

    before: Worth
    worth: Worth
    answers: int
    wrong: int
    stopped_by: str

    @property
    def is_harmful(self) -> bool:
        """Whether it does harm."""
        return self.worth.is_harmful(self.before)


@dataclass(slots=True)
class PlayRecord:
    """All that one play showed.

    Attributes:
        lane: What kind of play it was.
        fault: What is to blame in truth.
        good: What the best known prompt is worth.
        last_good: What the last text before the incumbent was worth; None without one.
        empty: What no prompt at all is worth.
        before: What the incumbent was worth.
        first: What served after the first run, and the canary that came of it.
        after: What served in the end.
        heals: Runs of the Optimizer.
        services: Candidates that served, canaries included.
        answers: Answers to users.
        wrong: Wrong ones among them.
        naive: What the naive healer's text is worth; None where nothing was proposed.
        fixed_gate_passes: Whether a greater mean on 20 inputs would have let that text serve.
        errors: Codes of runs that failed.
        active_prompts: How many prompts of the task type were active in the end.
        seconds_to_share: From the third failing row until a repair served a share of the traffic;
            None where that wasn't timed, or never came.
        seconds_to_all: The same until it served all of it.
    """

    lane: str
    name: str
    mixture: str
    mode: str
    seed: int
    fault: str
    good: Worth
    last_good: Worth | None
    empty: Worth
    before: Worth
    first: Worth
    after: Worth
    heals: list[Heal] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    answers: int = 0
    wrong: int = 0
    naive: Worth | None = None
    fixed_gate_passes: bool = False
    errors: list[str] = field(default_factory=list)
    active_prompts: int = 1
    seconds_to_share: float | None = None
    seconds_to_all: float | None = None
    seconds: float = 0.0

    @property
    def title(self) -> str:
        """Title that identifies the play."""
        parts = (self.lane, self.name, self.mode, self.mixture, f"seed {self.seed}")
        return " / ".join(filter(None, parts))

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def is_recovered(now: Worth, target: Worth) -> bool:
    """Tell whether enough is earned, in truth, of what a good text earns."""
    return now.rate >= RECOVERED_SHARE * target.rate


def read_play(plain: Mapping[str, Any]) -> PlayRecord:
    """Read a record from plain values."""
    values = dict(plain)
    for name in ("good", "last_good", "empty", "before", "first", "after", "naive"):
        values[name] = Worth(**values[name]) if values[name] else None
    values["heals"] = [
        Heal(
            **one
            | {"incumbent": Worth(**one["incumbent"])}
            | {"candidate": Worth(**one["candidate"]) if one["candidate"] else None}
        )
        for one in values["heals"]
    ]
    values["services"] = [
        Service(**one | {"before": Worth(**one["before"]), "worth": Worth(**one["worth"])})
        for one in values["services"]
    ]
    return PlayRecord(**values)
