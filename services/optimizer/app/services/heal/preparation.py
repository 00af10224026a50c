"""Prepares a heal: its inputs, what served before, what isn't tried. A dry run shows the same."""

import builtins
import keyword
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from services.common.record.lost_candidates import LostTexts, load_lost
from services.common.task_types import TaskTypes
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.log.answers import load_passing
from services.optimizer.app.services.log.log_records import PastPrompt
from services.optimizer.app.services.log.prompt_history import load_history
from services.optimizer.app.services.proof.paired_test import can_decide
from services.optimizer.app.services.proof.trial import TrialInputs, plan_trial
from services.optimizer.app.services.repair.candidate_lint import LintContext
from services.optimizer.app.services.repair.candidates import find_last_good
from services.optimizer.app.services.screening.screening import screen

GUARDS_QUARANTINED, TOO_FEW_INPUTS = "guards_quarantined", "too_few_inputs"
# A prompt may name what Python itself names.
PYTHON_NAMES = " ".join([*dir(builtins), *keyword.kwlist])


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a heal begins with.

    Attributes:
        history: Prompts that served before, the latest first.
        last_good: The one to go back to; None where none served well.
        lint: What candidates are held against.
        obstacle: Why no repair could be proven, as a code; empty where one could.
    """

    trial: TrialInputs
    history: Sequence[PastPrompt]
    last_good: PastPrompt | None
    lint: LintContext
    obstacle: str = ""


async def prepare(
    connection: asyncpg.Connection, case: Case, task_types: TaskTypes, *, guard_inputs: int
) -> Preparation:
    """Plan the trial of a repair, and find what it may go back to; nothing is replayed.

    Raises:
        TaskTypeError: If the task type's directory can't be used.
    """
    golden = task_types.golden_inputs(case.incumbent.task_type)
    history = await load_history(connection, case.incumbent, fingerprint=case.window.fingerprint)
    passing = await load_passing(connection, case.incumbent, history)
    clean = screen(passing).clean
    trial = plan_trial(case.analysis.failing, golden, clean, guard_inputs=guard_inputs)
    lost = await load_lost(connection, case.incumbent)
    last_good = find_last_good(
        [past for past in history if past.content not in lost.banned],
        case.incumbent.content,
        incumbent_pass_rate=case.analysis.record.pass_rate,
    )
    obstacle = "" if can_decide(len(trial.proving)) else TOO_FEW_INPUTS
    if passing and not clean:
        obstacle = GUARDS_QUARANTINED
    lint = _make_lint_context(case, history, lost, task_types)
    return Preparation(trial, history, last_good, lint, obstacle)


def _make_lint_context(
    case: Case, history: Sequence[PastPrompt], lost: LostTexts, task_types: TaskTypes
) -> LintContext:
    incumbent, task_type = case.incumbent.content, case.incumbent.task_type
    served = frozenset(past.content for past in history)
    definition, repairs = task_types.find(task_type), task_types.repairs(task_type)
    golden = task_types.golden_inputs(task_type).choosing
    return LintContext(
        incumbent=incumbent,
        longest_served_bytes=max(len(text.encode()) for text in (*served, incumbent)),
        served=served - lost.banned,
        lost_recently=lost.recent | lost.banned,
        evidence=case.read_texts,
        trusted=(
            *(incumbent, *served, *golden),
            *(repairs.role, *repairs.by_rule.values(), PYTHON_NAMES),
        ),
        variables=definition.variables if definition else (),
    )
