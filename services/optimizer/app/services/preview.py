"""What a heal would begin with: the evidence, the inputs and the order of strategies."""

from typing import Any

import asyncpg

from services.common.task_types import TaskTypes
from services.optimizer.app.services.candidates import find_last_good
from services.optimizer.app.services.failure_log import load_history, load_passing
from services.optimizer.app.services.healing_case import Case
from services.optimizer.app.services.log_records import Record
from services.optimizer.app.services.screening import screen
from services.optimizer.app.services.strategies import STRATEGIES
from services.optimizer.app.services.trial import plan_trial


async def preview_case(
    connection: asyncpg.Connection, case: Case, *, task_types: TaskTypes, guard_inputs: int
) -> dict[str, Any]:
    """What would be done about a prompt; nothing is replayed, so whose fault it is may be open."""
    prompt, analysis = case.incumbent, case.analysis
    history = await load_history(connection, prompt)
    trial = plan_trial(
        analysis.failing,
        task_types.golden_inputs(prompt.task_type),
        screen(await load_passing(connection, prompt, history)).clean,
        guard_inputs=guard_inputs,
    )
    scored = Record(analysis.scored_count, analysis.scored_count - analysis.failure_count)
    last_good = find_last_good(history, prompt.content, incumbent_pass_rate=scored.pass_rate)
    found = case.attribution
    return {
        "task_type": prompt.task_type,
        "version": prompt.version,
        "failures": analysis.failure_count,
        "answers": analysis.scored_count,
        "quarantined": len(case.quarantined),
        "verdict": found.verdict if found else "open until the prompt is run again",
        "because": list(found.because) if found else [],
        "last_good_version": last_good.version if last_good else None,
        "strategies": list(STRATEGIES) if found is None else [],
        "inputs": {
            "choosing": len(trial.choosing),
            "verdict": len(trial.verdict),
            "guard": len(trial.guards),
        },
    }
