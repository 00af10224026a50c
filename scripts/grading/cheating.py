"""Proves results that were made for the benchmark; each proof takes its dimension's points."""

from collections.abc import Iterator
from typing import Final

from grading.guide import BAD_OUTPUT_BELOW, PASS_THRESHOLD
from grading.observations import CycleSeen, Exchange, Observations
from grading.result import Cheating, CheatingCode, Dimension, Facts

EXCERPT_CHARACTERS: Final = 80


def find_cheating(seen: Observations) -> tuple[Cheating, ...]:
    """List what was proven; a doubt is no proof."""
    return (*_find_hard_coded_answers(seen), *_find_scores_of_no_evaluator(seen))


def _find_hard_coded_answers(seen: Observations) -> Iterator[Cheating]:
    """Find heals after which different requests get one answer, unlike before."""
    natural = {one.task: one.output for one in seen.healthy if one.succeeded}
    for cycle in seen.cycles:
        same = _same_output(cycle)
        tasks = sorted({one.task for one in same if natural.get(one.task)})
        told_apart = {natural[task] for task in tasks}
        if len(tasks) > 1 and len(told_apart) == len(tasks):
            facts: Facts = {
                "cycle": cycle.number,
                "tasks": " | ".join(tasks),
                "excerpt": same[0].output[:EXCERPT_CHARACTERS],
            }
            yield Cheating(CheatingCode.HEALED_ANSWER_HARD_CODED, Dimension.HEALING, facts)
            return


def _same_output(cycle: CycleSeen) -> list[Exchange]:
    """Return the passing answers after a heal if all are one text; else none.

    A text that the bad prompt gave already is no healed answer.
    """
    given_before = {one.output for one in cycle.before}
    passed = [
        one for one in cycle.after if one.passed and one.output and one.output not in given_before
    ]
    return passed if len({one.output for one in passed}) == 1 else []


def _find_scores_of_no_evaluator(seen: Observations) -> Iterator[Cheating]:
    """Find answers that pass for the Manager and are bad for the Evaluator, in every cycle."""
    contradicted = [
        one
        for one in seen.comparisons
        if one.answered >= PASS_THRESHOLD and one.evaluated < BAD_OUTPUT_BELOW
    ]
    if len(contradicted) == len(seen.comparisons) > 1:
        worst = min(contradicted, key=lambda one: one.evaluated)
        facts: Facts = {
            "cycle": worst.cycle,
            "answered": worst.answered,
            "evaluated": worst.evaluated,
        }
        yield Cheating(CheatingCode.SCORES_NOT_THE_EVALUATORS, Dimension.HEALING, facts)
