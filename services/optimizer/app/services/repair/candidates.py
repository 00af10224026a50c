"""Defines candidates for a repair: texts worth a replay. None serves before it is proven."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from services.common.task_types import Repairs
from services.optimizer.app.services.log.log_records import GOOD_PASS_RATE, PastPrompt
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.proof.budget import Budget
from services.optimizer.app.services.proof.replay_results import GOLDEN, ReplayInput, ReplayResult
from services.optimizer.app.services.repair.candidate_lint import LintContext, find_lint

# A version that passed so much more than the failing one served well enough to go back to.
CLEAR_ADVANTAGE = 0.3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A prompt text and where it comes from, in words for the report.

    Attributes:
        quoted: Texts that it may hold word for word: data of the repository, and answers to them
            that were made and passed in this very heal.
        informed_by_users: Whether a model wrote it that had read what users wrote. However well
            it does, a person decides on such a text.
    """

    content: str
    strategy: str
    rationale: str
    quoted: tuple[str, ...] = ()
    informed_by_users: bool = False


Results = Mapping[str, ReplayResult]
Replay = Callable[[str, Sequence[ReplayInput]], Awaitable[Results]]
Reflect = Callable[[str, FailureAnalysis], Awaitable[Sequence[Candidate]]]
AskModel = Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Analyst:
    """The configured model, as strategies use it; both are None where rules alone propose.

    Attributes:
        reflect: Proposes texts after reading the failures.
        ask_model: Asks the model anything.
        spec: The model as `provider:model`.
    """

    reflect: Reflect | None = None
    ask_model: AskModel | None = None
    spec: str = ""

    def within(self, budget: Budget) -> "Analyst":
        """Have it asked within a budget, which counts what it spends."""
        count = budget.count_analyst
        reflect, ask_model = self.reflect, self.ask_model
        return replace(
            self,
            reflect=count(reflect) if reflect else None,
            ask_model=count(ask_model) if ask_model else None,
        )


@dataclass(frozen=True, slots=True)
class RepairContext:
    """What strategies may look at and do: never an input of the half that judges them.

    Attributes:
        analysis: What fails, as far as it is among the choosing inputs.
        incumbent_results: What the incumbent does on the choosing inputs, by input id.
        last_good: The earlier prompt to go back to; None where none served well.
        replay: Runs a text on choosing inputs; the same text on the same input costs nothing the
            second time.
        lint: What candidates are held against.
        calls_for_search: Worker calls that proposing may still take.
        best: The best candidate so far, for strategies that make it better.
        evidence_from_users: Whether `analysis` holds what users wrote; where golden inputs fail,
            they are evidence enough.
    """

    incumbent: str
    analysis: FailureAnalysis
    choosing: Sequence[ReplayInput]
    incumbent_results: Results
    last_good: PastPrompt | None
    repairs: Repairs
    replay: Replay
    lint: LintContext = field(default=LintContext("", 0))
    calls_for_search: int = 0
    best: Candidate | None = None
    evidence_from_users: bool = True
    analyst: Analyst = field(default=Analyst())

    def find_lint(self, content: str) -> str:
        """Tell why a text mustn't be tried; empty where it may."""
        return find_lint(content, self.lint)

    @property
    def broken(self) -> list[ReplayInput]:
        """Choosing inputs that the incumbent fails when it is run again."""
        results = self.incumbent_results
        return [
            item for item in self.choosing if item.id in results and not results[item.id].passed
        ]

    @property
    def shown(self) -> list[ReplayInput]:
        """Choosing inputs that a model which writes prompts may see."""
        if self.evidence_from_users:
            return list(self.choosing)
        return [item for item in self.choosing if item.source == GOLDEN]


Strategy = Callable[[RepairContext], AsyncIterator[Candidate]]


def find_last_good(
    history: Sequence[PastPrompt], incumbent: str, *, incumbent_pass_rate: float
) -> PastPrompt | None:
    """Find the latest earlier text that served well, else the latest that was never scored.

    Args:
        history: Prompts that served before, the latest first.
        incumbent: Text of the prompt that fails: going back to the same words is no repair.
        incumbent_pass_rate: What it passes now, in [0, 1].
    """
    enough = min(GOOD_PASS_RATE, incumbent_pass_rate + CLEAR_ADVANTAGE)
    others = [past for past in history if past.content != incumbent and past.content.strip()]
    good = [past for past in others if past.scored and past.record.pass_rate >= enough]
    untried = [past for past in others if past.is_untried]
    return next(iter([*good, *untried]), None)


def repair_sentences(context: RepairContext) -> list[str]:
    """List a sentence for every rule that failed, the most frequent first."""
    by_rule = context.repairs.by_rule
    return [by_rule[rule] for rule in context.analysis.rule_counts if rule in by_rule]


def as_list(sentences: Sequence[str]) -> list[str]:
    """Write sentences as the lines of a list."""
    return [f"- {sentence}" for sentence in sentences]
