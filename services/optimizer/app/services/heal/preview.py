"""What a heal would begin with: the evidence, the inputs and the strategies that may yield."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from services.common.models import Prompt
from services.common.task_types import Repairs, TaskTypes
from services.optimizer.app.services.diagnosis.healing_case import Case
from services.optimizer.app.services.log.failure_log import load_history, load_passing
from services.optimizer.app.services.log.log_records import PastPrompt, Record
from services.optimizer.app.services.proof.promotion import can_decide
from services.optimizer.app.services.proof.replay_results import GOLDEN
from services.optimizer.app.services.proof.trial import TrialInputs, plan_trial
from services.optimizer.app.services.record.lost_candidates import load_lost
from services.optimizer.app.services.repair.candidates import find_last_good
from services.optimizer.app.services.repair.strategies import STRATEGIES
from services.optimizer.app.services.repair.strategies.gepa_search import is_installed
from services.optimizer.app.services.repair.strategies.without_offending_lines import split_prompt
from services.optimizer.app.services.screening.screening import screen

TOO_FEW_INPUTS = "too few inputs to prove a repair on"


async def preview_case(
    connection: asyncpg.Connection,
    case: Case,
    *,
    task_types: TaskTypes,
    guard_inputs: int,
    has_analyst: bool,
) -> dict[str, Any]:
    """What would be done about a prompt; nothing is replayed, so whose fault it is may be open.

    Args:
        connection: The Optimizer's own connection.
        case: The prompt and its failures.
        task_types: Give golden inputs and repair sentences.
        guard_inputs: Most inputs on which damage is looked for.
        has_analyst: Whether a model is configured that could write candidates.
    """
    prompt, analysis = case.incumbent, case.analysis
    history = await load_history(connection, prompt)
    trial = plan_trial(
        analysis.failing,
        task_types.golden_inputs(prompt.task_type),
        screen(await load_passing(connection, prompt, history)).clean,
        guard_inputs=guard_inputs,
    )
    scored = Record(analysis.scored_count, analysis.scored_count - analysis.failure_count)
    lost = await load_lost(connection, prompt)
    last_good = find_last_good(
        [past for past in history if past.content not in lost.banned],
        prompt.content,
        incumbent_pass_rate=scored.pass_rate,
    )
    found = case.attribution
    is_provable = can_decide(len(trial.verdict))
    verdict = "open until the prompt is run again" if is_provable else TOO_FEW_INPUTS
    return {
        "task_type": prompt.task_type,
        "version": prompt.version,
        "failures": analysis.failure_count,
        "answers": analysis.scored_count,
        "quarantined": len(case.quarantined),
        "verdict": found.verdict if found else verdict,
        "because": list(found.because) if found else [],
        "last_good_version": last_good.version if last_good else None,
        "strategies": find_strategies(
            prompt,
            list(analysis.rule_counts),
            trial,
            last_good,
            task_types.repairs(prompt.task_type),
            has_analyst=has_analyst,
        )
        if found is None and is_provable
        else [],
        "inputs": {
            "choosing": len(trial.choosing),
            "verdict": len(trial.verdict),
            "guard": len(trial.guards),
        },
    }


def find_strategies(
    prompt: Prompt,
    failed_rules: Sequence[str],
    trial: TrialInputs,
    last_good: PastPrompt | None,
    repairs: Repairs,
    *,
    has_analyst: bool,
) -> list[str]:
    """Names of the strategies that may yield a candidate here, in the order of trust."""
    has_golden = any(item.source == GOLDEN for item in trial.choosing)
    yields = {
        "last_good_version": last_good is not None,
        "without_offending_lines": len(split_prompt(prompt.content)) > 1,
        "reflection": has_analyst,
        "corrected_incumbent": any(rule in repairs.by_rule for rule in failed_rules),
        "few_shot": last_good is not None and has_golden,
        "gepa_search": has_analyst and is_installed(),
    }
    return [name for name in STRATEGIES if yields.get(name, True)]
