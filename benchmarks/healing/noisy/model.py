"""A noisy model: the simulated one, which obeys by chance, and whose true pass rates are known.

How likely a right answer is hangs on the prompt's words, on who asks, on how hard the input is and
on a fresh draw for every call; the same seed gives the same draws. The simulated model has no part
in it: what is drawn here is whether its answer is given, and whether it is spoilt. Pure.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from benchmarks.healing.given_names import put_name_back, set_name_aside
from benchmarks.healing.noisy.spoiling import (
    cut_short,
    is_right,
    leave_out_code,
    leave_undone,
    make_subtly_wrong,
)
from simulated_model.composition.answering import answer
from simulated_model.knowledge import find_task

LEAST_RATE, MOST_RATE = 0.02, 0.98
# Of the answers that come out wrong: shares of what shows, and of what looks right.
SPOILT: Final = ((0.4, cut_short), (0.4, leave_out_code), (0.2, make_subtly_wrong))
ANYBODY: Final = ""


@dataclass(frozen=True, slots=True)
class Mixture:
    """How a model obeys.

    Attributes:
        level: Share of right answers to tasks of middling difficulty under a good prompt.
        skims: Share of the calls in which only the first half of the prompt is read.
        spread: What the easiest and the hardest task differ from `level` by.
        unknown: Share of the tasks that it doesn't know, whatever the prompt.
    """

    name: str
    level: float
    skims: float
    spread: float
    unknown: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words of a prompt, and what they add to the share of right answers.

    Attributes:
        effects: By group of inputs; that of ANYBODY holds where there is none for the group.
    """

    words: str
    effects: Mapping[str, float]

    def effect_on(self, group: str) -> float:
        """Return what the words add for a group of inputs."""
        return self.effects.get(group, self.effects.get(ANYBODY, 0.0))


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way in which a call may end.

    Attributes:
        chance: How likely it is, in (0, 1].
        is_right: The truth, whatever an evaluator thinks.
    """

    chance: float
    text: str
    is_right: bool


@dataclass(slots=True)
class NoisyModel:
    """One model of one run.

    Attributes:
        seed: Decides every draw, which tasks are hard, and which are unknown.
        needs: Words without which a prompt is worse than a good one.
        phrases: What else words do.
        group_of: Finds the group of an input, by its text as the Worker sends it.
        drift: Taken off every share of right answers; changes while the model serves.
    """

    mixture: Mixture
    seed: int
    needs: Sequence[Phrase]
    phrases: Sequence[Phrase] = ()
    group_of: Callable[[str], str] = lambda _: ANYBODY
    drift: float = 0.0
    _calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    _known: dict[tuple[str, str, float], tuple[Outcome, ...]] = field(default_factory=dict)

    def draw(self, prompt: str, request: str) -> Outcome:
        """Answer once more; repeats of a call differ."""
        self._calls[prompt, request] += 1
        where = _uniform(self.seed, prompt, request, self._calls[prompt, request])
        asked, name = set_name_aside(request)
        outcomes = self.outcomes(prompt, asked)
        drawn = outcomes[-1]
        for outcome in outcomes:
            where -= outcome.chance
            if where < 0:
                drawn = outcome
                break
        return replace(drawn, text=put_name_back(drawn.text, name))

    def pass_rate(self, prompt: str, request: str) -> float:
        """Compute the true share of right answers, in [0, 1]."""
        return sum(one.chance for one in self.outcomes(prompt, request) if one.is_right)

    def outcomes(self, prompt: str, request: str) -> tuple[Outcome, ...]:
        """List all that a call may end in; the chances add up to 1."""
        key = (prompt, request, self.drift)
        if key not in self._known:
            self._known[key] = tuple(self._list_outcomes(prompt, request))
        return self._known[key]

    def is_known(self, request: str) -> bool:
        """Tell whether the model knows the task that a request asks for."""
        task = find_task(request)
        return task is not None and _uniform(self.seed, "unknown", task.name) >= (
            self.mixture.unknown
        )

    def difficulty(self, request: str) -> float:
        """Return how hard a task is to the model, in [0, 1)."""
        task = find_task(request)
        return _uniform(self.seed, "hard", task.name if task else request)

    def _list_outcomes(self, prompt: str, request: str) -> list[Outcome]:
        if not self.is_known(request):
            return [Outcome(1.0, leave_undone(request), is_right=False)]
        obeys = self._share_obeyed(prompt, request)
        lines = prompt.splitlines()
        read_in_part = "\n".join(lines[: (len(lines) + 1) // 2])
        whole, skimmed = answer(prompt, request), answer(read_in_part, request)
        skims = self.mixture.skims
        listed = [
            Outcome(obeys * (1 - skims), whole, is_right(whole, request)),
            Outcome(obeys * skims, skimmed, is_right(skimmed, request)),
        ]
        for share, spoil in SPOILT:
            text = spoil(whole)
            listed.append(Outcome((1 - obeys) * share, text, is_right(text, request)))
        return listed

    def _share_obeyed(self, prompt: str, request: str) -> float:
        group, said = self.group_of(request), prompt.lower()
        lacks = sum(one.effect_on(group) for one in self.needs if one.words.lower() not in said)
        gains = sum(one.effect_on(group) for one in self.phrases if one.words.lower() in said)
        hard = self.mixture.spread * (2 * self.difficulty(request) - 1)
        rate = self.mixture.level - lacks + gains - self.drift - hard
        return min(MOST_RATE, max(LEAST_RATE, rate))


def _uniform(*parts: object) -> float:
    """Draw a number in [0, 1) that hangs on these parts alone."""
    digest = hashlib.sha256("\x00".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
