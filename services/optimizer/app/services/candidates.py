"""Candidates for a repair: texts worth a replay. None serves before replays prove it."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from services.common.task_types import Repairs
from services.optimizer.app.services.failure_log import PastPrompt
from services.optimizer.app.services.log_analyzer import FailureAnalysis

GOOD_PASS_RATE = 0.7
MAX_CANDIDATES = 4
MAX_BYTES = 16 * 1024
USUAL_BYTES = 4 * 1024
GROWTH = 2


@dataclass(frozen=True, slots=True)
class Candidate:
    """A prompt text and where it comes from, in words for the report."""

    content: str
    strategy: str
    rationale: str


@dataclass(frozen=True, slots=True)
class RepairContext:
    """What strategies may look at: never an input of the half that judges them.

    Attributes:
        incumbent: Text of the prompt that fails.
        analysis: What fails.
        history: Prompts that served before, the latest first.
        repairs: The task type's repair sentences.
        proposals: Texts that the configured analyst wrote; empty without one.
    """

    incumbent: str
    analysis: FailureAnalysis
    history: Sequence[PastPrompt]
    repairs: Repairs
    proposals: Sequence[Candidate] = field(default=())


Strategy = Callable[[RepairContext], Iterator[Candidate]]


def last_good_version(context: RepairContext) -> Iterator[Candidate]:
    """The latest earlier text that served well; failing that, the latest that never failed."""
    others = [past for past in context.history if past.content != context.incumbent]
    good = [past for past in others if _pass_rate(past) >= GOOD_PASS_RATE]
    untried = [past for past in others if not past.scored]
    for past in [*good, *untried][:1]:
        record = f"{past.passed} of {past.scored} passed" if past.scored else "never scored"
        yield Candidate(
            past.content, "last_good_version", f"version {past.version} served before: {record}"
        )


def analyst_proposal(context: RepairContext) -> Iterator[Candidate]:
    """What the configured model proposed after reading the failures."""
    yield from context.proposals


def corrected_incumbent(context: RepairContext) -> Iterator[Candidate]:
    """The incumbent, followed by a sentence for every rule that failed."""
    sentences = _repair_sentences(context)
    if sentences:
        yield Candidate(
            "\n".join([context.incumbent.rstrip(), "", "Above all:", *_as_list(sentences)]),
            "corrected_incumbent",
            f"adds what answers {', '.join(context.analysis.rule_counts)}",
        )


def rebuilt_from_rules(context: RepairContext) -> Iterator[Candidate]:
    """The task type's role and all its sentences, without the incumbent's text."""
    yield Candidate(
        "\n".join([context.repairs.role, *_as_list(context.repairs.by_rule.values())]),
        "rebuilt_from_rules",
        "starts anew from what the rules ask for",
    )


# In the order of trust: ties go to the earlier one.
STRATEGIES: tuple[Strategy, ...] = (
    last_good_version,
    analyst_proposal,
    corrected_incumbent,
    rebuilt_from_rules,
)


def propose_candidates(context: RepairContext) -> list[Candidate]:
    """All strategies' candidates that pass the lint, without repetitions, four at most."""
    served = {past.content for past in context.history}
    longest = max([len(text.encode()) for text in (*served, context.incumbent)])
    candidates: dict[str, Candidate] = {}
    for strategy in STRATEGIES:
        for candidate in strategy(context):
            text = candidate.content
            if text == context.incumbent or text in candidates:
                continue
            if text in served or not find_lint(text, longest_served_bytes=longest):
                candidates[text] = candidate
    return list(candidates.values())[:MAX_CANDIDATES]


def find_lint(content: str, *, longest_served_bytes: int) -> str:
    """Why a text mustn't be tried; empty where it may.

    Args:
        content: The candidate's text.
        longest_served_bytes: Size of the longest text that has served.
    """
    if not content.strip():
        return "it is blank"
    limit = min(MAX_BYTES, max(USUAL_BYTES, GROWTH * longest_served_bytes))
    if len(content.encode("utf-8", "replace")) > limit:
        return f"it is over {limit} bytes"
    for character in content:
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs"):
            return f"it has the character U+{ord(character):04X}"
    return "it is wrapped in JSON" if _is_json(content) else ""


def _is_json(content: str) -> bool:
    """Whether the whole text is one JSON object or list."""
    try:
        return isinstance(json.loads(content), dict | list)
    except (ValueError, RecursionError):
        return False


def _pass_rate(past: PastPrompt) -> float:
    return past.passed / past.scored if past.scored else 0.0


def _repair_sentences(context: RepairContext) -> list[str]:
    by_rule = context.repairs.by_rule
    return [by_rule[rule] for rule in context.analysis.rule_counts if rule in by_rule]


def _as_list(sentences: Iterable[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]
