"""Describes a case to a judge's model: data between markers, and facts outside them."""

import hashlib

from services.common.secret_masking import mask_secrets
from services.common.task_types.rules import RuleResult, RuleResults

MAX_DATA_CHARACTERS = 24_000


def describe_case(
    request: str, answer: str, rules: RuleResults, *, answer_first: bool = False
) -> str:
    """Describe a case to the judge.

    Everything that an attacker can write is put between markers with a hash of it all, which no
    text can contain of itself. A rule's reason may repeat a name that the answer chose, and a name
    can be a sentence in another alphabet: reasons are data too. Outside the markers are only
    names of rules and their outcomes. Secrets in the data are masked.

    Args:
        answer_first: Show the answer before its request; the words are the same.
    """
    request, answer = mask_secrets(request), mask_secrets(answer)
    # A reason may repeat what the answer holds.
    observations = "\n".join(
        f"- {result.rule.name}: {' '.join(mask_secrets(result.finding.reason).split())}"
        for result in rules.results
    )
    mark = _mark(request, answer, observations)
    blocks = [_fence("request", mark, request), _fence("answer", mark, answer)]
    if answer_first:
        blocks.reverse()
    blocks.append(_fence("observations", mark, observations))
    facts = "\n".join(_state_fact(result) for result in rules.results)
    return "\n\n".join([*blocks, f"Facts that checks established:\n{facts}"]) + "\n"


def _state_fact(result: RuleResult) -> str:
    fact = f"- {result.rule.name}: {result.finding.outcome}"
    settles = result.rule.caps and result.finding.outcome == "failed"
    return f"{fact} (an answer that fails this can't pass)" if settles else fact


def _mark(*data: str) -> str:
    joined = "\x00".join(f"{len(text)}:{text}" for text in data)
    return hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()[:16]


def _fence(name: str, mark: str, data: str) -> str:
    """Put data between markers; where it is cut, the opening line says so."""
    cut = ""
    if len(data) > MAX_DATA_CHARACTERS:
        cut = f", cut: the first {MAX_DATA_CHARACTERS:,} of {len(data):,} characters"
    shown = data[:MAX_DATA_CHARACTERS]
    return f"[{name} (data) {mark}{cut}]\n{shown}\n[end of {name} (data) {mark}]"
