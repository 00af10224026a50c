"""Self-healing: the Optimizer runs, a new version serves, scores and pass rate go up."""

import re
from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Final

from grading.guide import FAILURE_THRESHOLD
from grading.observations import CycleSeen, Exchange, Observations
from grading.optimizer_command import NOT_FOUND, TIMED_OUT
from grading.result import WEIGHTS, Code, Deduction, Dimension, Facts, Hint

FULL: Final = float(WEIGHTS[Dimension.HEALING])
RUN_FAILED_POINTS: Final = 5.0
SEVERAL_ACTIVE_POINTS: Final = 10.0
NO_NEW_VERSION_POINTS: Final = 10.0
SCORE_POINTS: Final = 15.0
PASS_RATE_POINTS: Final = 5.0
LOGS_POINTS: Final = 5.0
# Means that differ by less are the same: what floats lose on their way.
LEAST_GAIN: Final = 0.001
EXCERPT_CHARACTERS: Final = 80
TAIL_CHARACTERS: Final = 600
_LOOKS_LIKE_CODE: Final = re.compile(r"\b(def|class|return|lambda|import)\b")


def judge_healing(seen: Observations) -> tuple[Deduction, ...]:
    """Judge the dimension; each cycle weighs the same share of it."""
    share = 1 / len(seen.cycles)
    return tuple(
        Deduction(one.code, round(one.points * share, 2), one.facts, one.hint)
        for cycle in seen.cycles
        for one in _judge_cycle(cycle, seen.optimizer_command)
    )


def mean_score(exchanges: Sequence[Exchange]) -> float | None:
    """Compute the mean of the scores that there are; None where there is none."""
    scores = [one.score for one in exchanges if one.score is not None]
    return fmean(scores) if scores else None


def pass_rate(exchanges: Sequence[Exchange]) -> float:
    """Compute the share of the requests that passed, in [0, 1]."""
    return sum(one.passed is True for one in exchanges) / len(exchanges) if exchanges else 0.0


def broke(exchanges: Sequence[Exchange]) -> bool:
    """Tell whether a bad prompt made enough requests fail for the guide's Optimizer to run."""
    return sum(one.passed is not True for one in exchanges) >= FAILURE_THRESHOLD


def _judge_cycle(cycle: CycleSeen, command: str) -> Iterator[Deduction]:
    if not broke(cycle.before):
        yield _explain_unbroken(cycle)
        return
    if lost := _explain_not_replaced(cycle, command):
        yield from lost
        return
    if cycle.optimizer.exit_code != 0:
        yield _run_failed(cycle, command, RUN_FAILED_POINTS)
    yield from _judge_versions(cycle)
    yield from _judge_improvement(cycle)
    if cycle.logged_after < cycle.logged_before:
        facts = _facts(cycle, before=cycle.logged_before, after=cycle.logged_after)
        yield Deduction(Code.LOGS_DELETED, LOGS_POINTS, facts, Hint.LOG_EVERY_REQUEST)


def _explain_unbroken(cycle: CycleSeen) -> Deduction:
    """Explain why no bad prompt made requests fail: it isn't loaded, or failures aren't seen."""
    stale = next(
        (
            one
            for one in cycle.before
            if one.prompt_version is not None and one.prompt_version != one.active_version
        ),
        None,
    )
    if stale is not None:
        facts = _facts(cycle, reported=stale.prompt_version, active=stale.active_version)
        return Deduction(Code.PROMPT_NOT_LOADED, FULL, facts, Hint.LOAD_EVERY_REQUEST)
    unseen = next((one for one in cycle.before if not _LOOKS_LIKE_CODE.search(one.output)), None)
    if unseen is not None:
        facts = _facts(cycle, score=unseen.score, excerpt=unseen.output[:EXCERPT_CHARACTERS])
        return Deduction(Code.FAILURES_NOT_SEEN, FULL, facts, Hint.THRESHOLD_AND_WEIGHTS)
    facts = _facts(cycle, tried=cycle.tried)
    return Deduction(Code.NOTHING_BROKE, FULL, facts, Hint.LOAD_EVERY_REQUEST)


def _explain_not_replaced(cycle: CycleSeen, command: str) -> list[Deduction]:
    """List the deductions of a cycle in which the bad prompt stayed; none where it went."""
    if any(prompt.content.strip() != cycle.bad.content.strip() for prompt in cycle.active):
        return []
    if cycle.optimizer.exit_code != 0:
        return [_run_failed(cycle, command, FULL)]
    written = [prompt for prompt in cycle.prompts_after if prompt.id not in cycle.known_ids]
    if written and not any(prompt.is_active for prompt in written):
        active = ", ".join(str(prompt.version) for prompt in cycle.active) or "none"
        facts = _facts(cycle, version=written[-1].version, active=active)
        return [
            Deduction(Code.NEW_VERSION_NOT_ACTIVE, FULL, facts, Hint.ACTIVATE_IN_ONE_TRANSACTION)
        ]
    facts = _facts(cycle, version=cycle.bad.version)
    return [Deduction(Code.PROMPT_NOT_REPLACED, FULL, facts, Hint.LOOKBACK)]


def _run_failed(cycle: CycleSeen, command: str, points: float) -> Deduction:
    run = cycle.optimizer
    if run.problem == NOT_FOUND:
        return Deduction(
            Code.OPTIMIZER_NOT_FOUND, points, _facts(cycle, command=command), Hint.IMPORT_ERRORS
        )
    if run.problem == TIMED_OUT:
        return Deduction(
            Code.OPTIMIZER_TIMED_OUT, points, _facts(cycle, seconds=run.seconds), Hint.LLM_KEY
        )
    facts = _facts(cycle, exit_code=run.exit_code, tail=run.tail[-TAIL_CHARACTERS:])
    return Deduction(Code.OPTIMIZER_FAILED, points, facts, Hint.IMPORT_ERRORS)


def _judge_versions(cycle: CycleSeen) -> Iterator[Deduction]:
    if len(cycle.active) > 1:
        versions = ", ".join(str(prompt.version) for prompt in cycle.active)
        yield Deduction(
            Code.SEVERAL_ACTIVE,
            SEVERAL_ACTIVE_POINTS,
            _facts(cycle, versions=versions),
            Hint.ACTIVATE_IN_ONE_TRANSACTION,
        )
    elif cycle.active[0].id in cycle.known_ids or cycle.active[0].version in {
        prompt.version for prompt in cycle.prompts_after if prompt.id in cycle.known_ids
    }:
        yield Deduction(
            Code.NO_NEW_VERSION,
            NO_NEW_VERSION_POINTS,
            _facts(cycle, version=cycle.active[0].version),
            Hint.ACTIVATE_IN_ONE_TRANSACTION,
        )


def _judge_improvement(cycle: CycleSeen) -> Iterator[Deduction]:
    before, after = mean_score(cycle.before), mean_score(cycle.after)
    # Requests that failed altogether have no score: nothing is better than that.
    if after is None or after <= (before or 0.0) + LEAST_GAIN:
        facts = _facts(cycle, before=_rounded(before), after=_rounded(after))
        yield Deduction(Code.SCORE_NOT_IMPROVED, SCORE_POINTS, facts, Hint.LOAD_EVERY_REQUEST)
    if pass_rate(cycle.after) <= pass_rate(cycle.before):
        facts = _facts(cycle, before=pass_rate(cycle.before), after=pass_rate(cycle.after))
        yield Deduction(
            Code.PASS_RATE_NOT_IMPROVED, PASS_RATE_POINTS, facts, Hint.LOAD_EVERY_REQUEST
        )


def _rounded(mean: float | None) -> float | None:
    return None if mean is None else round(mean, 3)


def _facts(cycle: CycleSeen, **facts: str | float | int | None) -> Facts:
    return {"cycle": cycle.number, **facts}
