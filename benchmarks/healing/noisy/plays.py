"""Writes the plays for the noisy model: what serves, what is proposed, who asks, what goes wrong.

Every play is drawn by its seed, so that the same seed plays the same.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from benchmarks.healing.lane.evaluator_switch import EvaluatorCondition
from benchmarks.healing.lane.model_endpoint import ModelCondition
from benchmarks.healing.noisy.model import NoisyModel
from benchmarks.healing.noisy.texts import ONE, OTHER, Lexicon, add
from benchmarks.healing.runs.naive import rewrite
from benchmarks.healing.scenarios import PromptScenario
from benchmarks.healing.schedule import WITH_HISTORY, WITHOUT_HISTORY

REGRESSION, TIE, HARMFUL = "regression", "tie", "harmful"
HARMFUL_AT_ONCE: Final = "harmful, without canary"
DRIFT, SHIFT, JUDGE, TASTES = "drift", "shift", "judge", "tastes"
PROVIDERS, FLOOD, RESTART, TIMED = "provider", "flood", "restart", "timed"
LANES: Final = (
    *(REGRESSION, TIE, HARMFUL, HARMFUL_AT_ONCE, DRIFT, SHIFT, JUDGE, TASTES),
    *(PROVIDERS, FLOOD, RESTART, TIMED),
)
MEDIOCRE_HISTORY: Final = "mediocre history"
PROMPT, MODEL, INPUT, EVALUATOR, NOBODY = "prompt", "drift", "input", "evaluator", "unknown"
PROVIDER: Final = "provider"
EVEN: Final[Mapping[str, float]] = {ONE: 0.5, OTHER: 0.5}
MOSTLY_ONE: Final[Mapping[str, float]] = {ONE: 0.95, OTHER: 0.05}
MOSTLY_OTHER: Final[Mapping[str, float]] = {ONE: 0.2, OTHER: 0.8}
JUDGES: Final = (
    EvaluatorCondition.LENIENT,
    EvaluatorCondition.HARSH,
    EvaluatorCondition.CHANGED,
    EvaluatorCondition.DOWN,
)
PROVIDER_FAULTS: Final = (
    ModelCondition.RATE_LIMITED,
    ModelCondition.BROKEN,
    ModelCondition.HANGING,
    ModelCondition.FLAKY,
    ModelCondition.WORSE,
)
PROPOSALS: Final = 8
# What a model that drifts loses with every batch of requests, and at most.
DRIFT_PER_BATCH, MOST_DRIFT = 0.04, 0.4

Texts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Play:
    """One play.

    Attributes:
        lane: What kind of play it is.
        mode: What history there is.
        mixture: The model's name.
        heeds_own: Whether the model heeds words that no repair sentence says.
        fault: What is to blame in truth.
        good: The best known prompt.
        history: What served before the incumbent, the oldest first.
        incumbent: What serves while failures come.
        proposals: What the analyst proposes, in turn.
        asks: Shares of the groups of users until something is promoted.
        asks_later: The same from then on, and what prompts are worth is by these.
        drifts: Whether the model gets worse meanwhile.
        hardens: Whether users ask what the model finds hard, every other season.
        judge: What becomes of the Evaluator.
        provider: What becomes of the model's provider.
        floods: Whether one caller sends garbage beside the others.
        restarts: Whether the database restarts in the midst of the first run.
    """

    lane: str
    name: str
    mode: str
    mixture: str
    seed: int
    fault: str
    good: str
    history: tuple[str, ...]
    incumbent: str
    proposals: tuple[str, ...] = ()
    heeds_own: bool = False
    asks: Mapping[str, float] = field(default_factory=lambda: EVEN)
    asks_later: Mapping[str, float] = field(default_factory=lambda: EVEN)
    drifts: bool = False
    hardens: bool = False
    judge: EvaluatorCondition = EvaluatorCondition.WELL
    provider: ModelCondition = ModelCondition.WELL
    floods: bool = False
    restarts: bool = False

    @property
    def title(self) -> str:
        """Title that identifies the play."""
        parts = (self.lane, self.name, self.mode, self.mixture, f"seed {self.seed}")
        return " / ".join(filter(None, parts))

    @property
    def target(self) -> str:
        """What is to be recovered: the last text that served, or the best known prompt."""
        return self.history[-1] if self.history else self.good

    @property
    def changes(self) -> bool:
        """Whether the incumbent serves well before something goes wrong."""
        return self.lane in (DRIFT, SHIFT, JUDGE, PROVIDERS, FLOOD)

    @property
    def lasts(self) -> bool:
        """Whether what is wrong stays so, whatever the Optimizer does."""
        return self.changes or self.lane == TASTES

    def chance(self) -> random.Random:
        """Make a random generator whose seed is this play's own."""
        return random.Random(self.title)

    def make_model(self, lexicon: Lexicon) -> NoisyModel:
        """Make the play's own model."""
        return lexicon.make_model(self.mixture, self.seed, heeds_own=self.heeds_own)


@dataclass(frozen=True, slots=True)
class PlayWriter:
    """Writes plays for one model and one seed.

    Attributes:
        seed_prompt: The good prompt of `db/schema.sql`.
    """

    lexicon: Lexicon
    seed_prompt: str
    mixture: str
    seed: int

    def write_tie(self) -> Play:
        """Write a play in which no candidate is better: idle words are all that differs."""
        first, last, *others = self._write_ties(rewrite(), TIE)
        mode = (WITH_HISTORY, WITHOUT_HISTORY)[self.seed % 2]
        history = (last,) if mode == WITH_HISTORY else ()
        return self._write(TIE, "idle words", mode, (first, history, first, tuple(others)))

    def write_harmful(self, lure: str, *, at_once: bool = False) -> Play:
        """Write a play whose proposals look better than they are; with a canary or without."""
        phrase = self.lexicon.lures[lure]
        good, *others = self._write_ties(rewrite(), lure)
        proposals = tuple(add(text, phrase) for text in others)
        play = self._write(HARMFUL, lure, WITHOUT_HISTORY, (good, (), good, proposals))
        play = replace(play, lane=HARMFUL_AT_ONCE) if at_once else play
        pleases_one = ONE in phrase.effects
        return replace(play, asks=MOSTLY_ONE, asks_later=MOSTLY_OTHER) if pleases_one else play

    def write_regression(self, bad: PromptScenario, mode: str) -> Play:
        """Write a play in which a bad prompt is deployed."""
        history = {
            WITH_HISTORY: (self.seed_prompt,),
            WITHOUT_HISTORY: (),
            MEDIOCRE_HISTORY: (add(self.seed_prompt, self.lexicon.mediocre),),
        }[mode]
        proposals = self._write_mixed(self.seed_prompt, bad.text, f"{bad.name}/{mode}")
        texts = (self.seed_prompt, history, bad.text, proposals)
        return replace(self._write(REGRESSION, bad.name, mode, texts), fault=PROMPT)

    def write_restart(self, bad: PromptScenario) -> Play:
        """Write a play in which the database restarts while a bad prompt is healed."""
        return replace(self.write_regression(bad, WITH_HISTORY), lane=RESTART, restarts=True)

    def write_timed(self, bad: PromptScenario) -> Play:
        """Write a play in which the autopilot watches while a bad prompt is deployed."""
        return replace(self.write_regression(bad, WITH_HISTORY), lane=TIMED)

    def write_own_regression(self, harm: str, mode: str) -> Play:
        """Write a play with a second seed prompt, whose repair isn't what the task type ships."""
        name = f"second seed prompt, {harm}"
        good = add(self.seed_prompt, self.lexicon.own_need)
        bad = add(self.seed_prompt, self.lexicon.harms[harm])
        history = (good,) if mode == WITH_HISTORY else ()
        texts = (good, history, bad, self._write_mixed(good, bad, f"{name}/{mode}"))
        play = self._write(REGRESSION, name, mode, texts)
        return replace(play, fault=PROMPT, heeds_own=True)

    def write_innocent(self) -> Iterator[Play]:
        """Write plays in which something else than the prompt is to blame."""
        good, last, *others = self._write_ties(rewrite(), "innocent")

        def write(lane: str, name: str, fault: str) -> Play:
            play = self._write(lane, name, WITH_HISTORY, (good, (last,), good, tuple(others)))
            return replace(play, fault=fault)

        yield replace(write(DRIFT, "model gets worse slowly", MODEL), drifts=True)
        yield replace(write(SHIFT, "users ask harder things by seasons", INPUT), hardens=True)
        for judge in JUDGES:
            yield replace(write(JUDGE, judge.value, EVALUATOR), judge=judge)
        for provider in PROVIDER_FAULTS:
            fault = MODEL if provider is ModelCondition.WORSE else PROVIDER
            yield replace(write(PROVIDERS, provider.value, fault), provider=provider)
        yield replace(write(FLOOD, "one caller's garbage", INPUT), floods=True)
        mine, theirs = (add(good, taste) for taste in self.lexicon.tastes)
        proposals = tuple(add(text, self.lexicon.tastes[1]) for text in others)
        texts = (mine, (theirs,), mine, proposals)
        yield self._write(TASTES, "each suits half of the users", WITH_HISTORY, texts)

    def _write(self, lane: str, name: str, mode: str, texts: tuple[str, Texts, str, Texts]) -> Play:
        """Write a play of the good text, the history, the incumbent and the proposals."""
        return Play(lane, name, mode, self.mixture, self.seed, NOBODY, *texts)

    def _write_ties(self, prompt: str, name: str) -> list[str]:
        chance = random.Random(f"{name}/{self.mixture}/{self.seed}")
        return self.lexicon.write_ties(prompt, PROPOSALS + 2, chance)

    def _write_mixed(self, good: str, bad: str, name: str) -> Texts:
        """Write what a rewriter proposes that isn't perfect: half is good, a quarter harmful."""
        chance = random.Random(f"{name}/{self.mixture}/{self.seed}")
        harm = chance.choice(list(self.lexicon.harms.values()))
        texts = [
            *self.lexicon.write_ties(good, PROPOSALS // 2, chance),
            *self.lexicon.write_ties(bad, PROPOSALS // 4, chance),
            *(add(text, harm) for text in self.lexicon.write_ties(good, PROPOSALS // 4, chance)),
        ]
        chance.shuffle(texts)
        return tuple(texts)
