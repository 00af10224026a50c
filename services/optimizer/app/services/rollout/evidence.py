"""Pairs the answers of a rollout's two arms as they arrive. Pure.

A pair closes when both arms have answered since the last one: its gain is the candidate's value
less the incumbent's, the mean where an arm has several. Neither who is paired nor when a pair
closes looks at a score, and what was paired once is kept: what comes later, or is deleted, changes
no earlier pair.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from pydantic import BaseModel, ConfigDict

CANDIDATE: Literal["candidate"] = "candidate"
# A bet that nothing has decided in so many pairs goes no further: it must fit into a row.
MAX_GAINS = 5_000
# Answers of one arm that wait for the other's, the latest.
MAX_WAITING = 50
# Of an answer that has no outcome yet, others are waited with; after so many it is left out.
MOST_BEHIND_PENDING = 200
# What is a difference in time or length, whatever the ratio: below, a person notices nothing.
LEAST_MS, LEAST_TOKENS = 200, 100
# An answer that takes more than this many times as long, or as many tokens.
RATIO = 2.0
DIGITS = 4

Compare = Callable[[Sequence[float], Sequence[float]], float]


@dataclass(frozen=True, slots=True)
class ArmAnswer:
    """An answer on one arm.

    Attributes:
        arm: `candidate` or `incumbent`.
        counts: Whether it is its unit's first, and no fallback's.
        score: In [0, 1]; 0 where the model gave no answer, None where nobody could judge it.
        served: Whether it was answered; None while its outcome isn't known.
        kind: Evaluator and model: answers of two kinds don't compare.
    """

    execution_id: int
    arm: str
    score: float | None
    passed: bool
    served: bool | None
    latency_ms: int | None = None
    output_tokens: int | None = None
    kind: str = ""
    counts: bool = True


class Series(BaseModel):
    """Gains in [-1, 1] of one measure, and the values that wait for the other arm's."""

    model_config = ConfigDict(frozen=True)

    gains: list[float] = []
    arm: str = ""
    waiting: list[float] = []

    def add(self, arm: str, value: float, compare: Compare, *, is_answer: bool = True) -> "Series":
        """Take in a value: it closes a pair where the other arm's wait, else it waits.

        Args:
            is_answer: False where the value stands for an answer that wasn't given. A pair without
                a gain that it closes says nothing: a model that hangs makes no text no worse.
        """
        if len(self.gains) >= MAX_GAINS:
            return self
        if not self.waiting or self.arm == arm:
            waiting = [*self.waiting, value][-MAX_WAITING:]
            return self.model_copy(update={"arm": arm, "waiting": waiting})
        ours, theirs = [value], self.waiting
        if arm != CANDIDATE:
            ours, theirs = theirs, ours
        gain = round(compare(ours, theirs), DIGITS)
        if not (gain or is_answer):
            return self.without_waiting()
        return self.model_copy(update={"gains": [*self.gains, gain], "arm": "", "waiting": []})

    def without_waiting(self) -> "Series":
        """Keep the pairs alone."""
        return self.model_copy(update={"arm": "", "waiting": []})


class StepEvidence(BaseModel):
    """What one step showed: gains in score.

    Attributes:
        live: Gains of live pairs, of answers that were scored.
        counted: The same where an answer of the candidate's that has no score counts as 0: which
            ones can't be scored, or not in time, may depend on how bad they are.
        replays: Gains on replays of live inputs.
    """

    model_config = ConfigDict(frozen=True)

    live: Series = Series()
    counted: Series = Series()
    replays: list[float] = []


class Evidence(BaseModel):
    """What a rollout showed so far.

    Attributes:
        steps: One for each step that was begun, the last goes on.
        served: Gains in being answered at all.
        latency: 1 where the candidate took much longer, -1 where it didn't; of answers that passed.
        tokens: The same of what the model wrote.
        since: The step's answers are logged under greater ids.
        through: Answers up to this id were taken in.
        kind: Evaluator and model of what waits.
        replayed: Fingerprints of the inputs that were replayed.
        failed: How often in a row replays couldn't be had.
    """

    model_config = ConfigDict(frozen=True)

    steps: list[StepEvidence] = [StepEvidence()]
    served: Series = Series()
    latency: Series = Series()
    tokens: Series = Series()
    since: int = 0
    through: int = 0
    kind: str = ""
    replayed: list[str] = []
    failed: int = 0

    @property
    def step(self) -> StepEvidence:
        """The step that goes on."""
        return self.steps[-1]

    def take_in(self, answers: Iterable[ArmAnswer]) -> "Evidence":
        """Pair further answers, in the order of their ids."""
        taken = self
        for answer in take_known(list(answers)):
            taken = taken._take_one(answer)
        return taken

    def with_replays(self, inputs: Sequence[str], gains: Sequence[float]) -> "Evidence":
        """Add gains of replays, and remember which inputs were replayed, scored or not."""
        rounded = [round(gain, DIGITS) for gain in gains]
        step = self.step.model_copy(update={"replays": [*self.step.replays, *rounded]})
        return self.model_copy(
            update={
                "steps": [*self.steps[:-1], step],
                "replayed": [*self.replayed, *inputs],
                "failed": 0,
            }
        )

    def without_replays(self) -> "Evidence":
        """Note that replays couldn't be had."""
        return self.model_copy(update={"failed": self.failed + 1})

    def begin_step(self, newest: int) -> "Evidence":
        """Begin a step anew, after the answer with that id."""
        emptied = {name: getattr(self, name).without_waiting() for name in MEASURES}
        steps = [*self.steps, StepEvidence()]
        return self.model_copy(
            update={**emptied, "steps": steps, "since": newest, "through": newest}
        )

    def _take_one(self, answer: ArmAnswer) -> "Evidence":
        if not answer.counts:
            return self.model_copy(update={"through": answer.execution_id})
        series = {name: getattr(self, name) for name in MEASURES}
        live, counted = self.step.live, self.step.counted
        is_answer = bool(answer.served)
        # What failed was judged by nobody, and ends no pairing with what was.
        kind = answer.kind if answer.served else ""
        if kind and kind != self.kind and self.kind:
            series = {name: one.without_waiting() for name, one in series.items()}
            live, counted = live.without_waiting(), counted.without_waiting()
        if answer.score is not None:
            live = live.add(answer.arm, answer.score, compare_means, is_answer=is_answer)
        if answer.score is not None or answer.arm == CANDIDATE:
            score = answer.score or 0.0
            counted = counted.add(answer.arm, score, compare_means, is_answer=is_answer)
        for name, (read, compare) in MEASURES.items():
            value = read(answer)
            if value is not None:
                series[name] = series[name].add(answer.arm, value, compare)
        step = self.step.model_copy(update={"live": live, "counted": counted})
        return self.model_copy(
            update={
                **series,
                "steps": [*self.steps[:-1], step],
                "through": answer.execution_id,
                "kind": kind or self.kind,
            }
        )


def take_known(answers: Sequence[ArmAnswer]) -> Iterator[ArmAnswer]:
    """Give answers up to the last with an outcome, or to one without that others wait with.

    One without an outcome that too many have followed is given as it is, and never again.
    """
    settled = [at for at, one in enumerate(answers) if one.served is not None or not one.counts]
    behind = sum(answer.counts for answer in answers)
    for answer in answers[: max(settled, default=-1) + 1]:
        behind -= answer.counts
        if answer.counts and answer.served is None and behind < MOST_BEHIND_PENDING:
            return
        yield answer


def compare_means(candidate: Sequence[float], incumbent: Sequence[float]) -> float:
    """Return the difference of the means."""
    return fmean(candidate) - fmean(incumbent)


def compare_latest(least: float) -> Compare:
    """Make what tells whether the candidate's latest value is much greater: 1, or else -1.

    Single values are compared: of two arms that are alike, either is the greater one equally often.
    """

    def compare(candidate: Sequence[float], incumbent: Sequence[float]) -> float:
        ours, theirs = candidate[-1], incumbent[-1]
        return 1.0 if ours > RATIO * theirs and ours - theirs > least else -1.0

    return compare


def _read_latency(answer: ArmAnswer) -> float | None:
    return answer.latency_ms if answer.passed else None


def _read_tokens(answer: ArmAnswer) -> float | None:
    return answer.output_tokens if answer.passed else None


def _read_served(answer: ArmAnswer) -> float | None:
    return None if answer.served is None else float(answer.served)


# What is measured beside the score. How long an answer takes says something where it is one: a
# prompt that fails at once is no measure for one that does the work.
MEASURES: dict[str, tuple[Callable[[ArmAnswer], float | None], Compare]] = {
    "served": (_read_served, compare_means),
    "latency": (_read_latency, compare_latest(LEAST_MS)),
    "tokens": (_read_tokens, compare_latest(LEAST_TOKENS)),
}
