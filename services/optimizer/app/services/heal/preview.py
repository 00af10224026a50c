"""Tells what a heal would begin with: failures, inputs, and the strategies that may yield."""

from typing import Any

import asyncpg

from services.common.task_types import TaskTypes
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.heal.preparation import (
    GUARDS_QUARANTINED,
    TOO_FEW_INPUTS,
    prepare,
)
from services.optimizer.app.services.proof.replay_results import GOLDEN
from services.optimizer.app.services.repair.strategies import STRATEGIES
from services.optimizer.app.services.repair.strategies.gepa_search import is_installed
from services.optimizer.app.services.repair.strategies.without_offending_lines import split_prompt

OBSTACLES = {
    GUARDS_QUARANTINED: "all that passed lately looks suspicious, so nothing shows what breaks",
    TOO_FEW_INPUTS: "too few inputs to prove a repair on",
}


async def preview_case(
    connection: asyncpg.Connection,
    case: Case,
    *,
    task_types: TaskTypes,
    guard_inputs: int,
    has_analyst: bool,
) -> dict[str, Any]:
    """Tell what would be done about a prompt, as far as it can be known without a replay."""
    prompt, analysis, found = case.incumbent, case.analysis, case.attribution
    prepared = await prepare(connection, case, task_types, guard_inputs=guard_inputs)
    by_rule = task_types.repairs(prompt.task_type).by_rule
    has_golden = any(item.source == GOLDEN for item in prepared.trial.choosing)
    yields = {
        "last_good_version": prepared.last_good is not None,
        "without_offending_lines": len(split_prompt(prompt.content)) > 1,
        "reflection": has_analyst,
        "corrected_incumbent": any(rule in by_rule for rule in analysis.rule_counts),
        "few_shot": prepared.last_good is not None and has_golden,
        "gepa_search": has_analyst and is_installed(),
    }
    strategies = [name for name in STRATEGIES if yields.get(name, True)]
    fault = OBSTACLES.get(prepared.obstacle, "open until the prompt is run again")
    return {
        "task_type": prompt.task_type,
        "version": prompt.version,
        "failures": analysis.failure_count,
        "answers": analysis.scored_count,
        "quarantined": len(case.quarantined),
        "verdict": found.fault if found else fault,
        "because": list(found.because) if found else [],
        "last_good_version": prepared.last_good.version if prepared.last_good else None,
        "strategies": [] if found or prepared.obstacle else strategies,
        "inputs": {
            "choosing": len(prepared.trial.choosing),
            "verdict": len(prepared.trial.proving),
            "guard": len(prepared.trial.guards),
        },
    }
