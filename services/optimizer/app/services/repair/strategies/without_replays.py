"""Proposes what can be written without a replay: from history, from rules, or by the model."""

from collections.abc import AsyncIterator
from dataclasses import replace

from services.optimizer.app.services.repair.candidates import (
    Candidate,
    RepairContext,
    as_list,
    repair_sentences,
)


async def last_good_version(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the latest earlier text that served well, else the latest that never failed."""
    past = context.last_good
    if past is None:
        return
    record = f"{past.passed} of {past.scored} passed" if past.scored else "never scored"
    yield Candidate(
        past.content, "last_good_version", f"version {past.version} served before: {record}"
    )


async def reflection(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the model's rewrites: it analyses first, and must keep what works."""
    if context.analyst.reflect is None:
        return
    for candidate in await context.analyst.reflect(context.incumbent, context.analysis):
        yield replace(candidate, informed_by_users=context.evidence_from_users)


async def corrected_incumbent(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the incumbent, followed by a sentence for every rule that failed."""
    sentences = repair_sentences(context)
    if sentences:
        yield Candidate(
            "\n".join([context.incumbent.rstrip(), "", "Above all:", *as_list(sentences)]),
            "corrected_incumbent",
            f"adds what answers {', '.join(context.analysis.rule_counts)}",
        )


async def rebuilt_from_rules(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the task type's role and all its repair sentences."""
    yield Candidate(
        "\n".join([context.repairs.role, *as_list(list(context.repairs.by_rule.values()))]),
        "rebuilt_from_rules",
        "starts anew from what the rules ask for",
    )


async def completed(context: RepairContext) -> AsyncIterator[Candidate]:
    """Propose the best candidate so far, with those of the task type's sentences that it lacks,
    that on its role included.

    What only takes the harm away, or answers only the rules that failed, leaves a prompt that may
    say too little: its answers pass, and could be better.
    """
    best = context.best
    if best is None:
        return
    texts = (context.repairs.role, *context.repairs.by_rule.values())
    sentences = [text for text in texts if text not in best.content]
    if sentences:
        yield replace(
            best,
            content="\n".join([best.content.rstrip(), "", *as_list(sentences)]),
            strategy="completed",
            rationale=f"{best.strategy}, with the rest of what the rules ask for",
        )
