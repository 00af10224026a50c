"""Everything that is done to the system, in order, and what is seen on the way."""

from collections.abc import Mapping, Sequence
from typing import Final

from grading.database import tables
from grading.database.port import Database
from grading.dimensions.healing import broke
from grading.guide import TASKS, CyclePlan, plan_cycles
from grading.http import Reply
from grading.masking import mask_secrets
from grading.observations import Comparison, CycleSeen, Exchange, Observations
from grading.observing import probes
from grading.observing.cycles import MOST_BAD_PROMPTS, CycleRunner, describe
from grading.observing.services import Services
from grading.options import Options
from grading.progress import Say

# What the Worker is asked directly, to see whether it heeds what it is asked.
WORKER_TASKS: Final = TASKS[:3]


def observe(
    options: Options,
    services: Services,
    database: Database,
    health: Mapping[str, Reply],
    say: Say,
) -> Observations:
    """Send everything that is sent; the tables were reset before."""
    plans = plan_cycles(options.cycles, options.seed)
    runner = CycleRunner(services, database, options, say)
    healthy = runner.send([plans[0].task, *plans[0].other_tasks])
    say(f"with the seed prompt, {describe(healthy)}")
    tasks = {task: services.perform(task) for task in WORKER_TASKS}
    first_scrape = services.scrape()
    cycles = _run_cycles(runner, plans)
    last_scrape = services.scrape()
    active = tables.read_active(database)
    say("showing the Evaluator good and bad outputs ...")
    good, bad = probes.evaluate_good(services), probes.evaluate_bad(services)
    right_code = max((call.score for call in good[0] if call.score is not None), default=None)
    wrong_code = probes.evaluate_wrong_code(services)
    comparisons = _compare(services, cycles)
    say("sending malformed requests ...")
    sent = probes.send_probes(services)
    health_after = services.check_health()  # what follows costs no points
    more = probes.send_more_probes(services)
    return Observations(
        urls={name: mask_secrets(url) for name, url in services.urls.items()},
        health=health,
        health_after=health_after,
        healthy=healthy,
        tasks=tasks,
        cycles=cycles,
        good=good,
        bad=bad,
        right_code=right_code,
        wrong_code=wrong_code,
        comparisons=comparisons,
        probes=sent,
        more_probes=more,
        first_scrape=first_scrape,
        last_scrape=last_scrape,
        active_at_end=active[0].version if active else None,
        optimizer_command=mask_secrets(options.optimizer_command),
    )


def _run_cycles(runner: CycleRunner, plans: Sequence[CyclePlan]) -> tuple[CycleSeen, ...]:
    cycles: list[CycleSeen] = []
    most_bad_prompts = MOST_BAD_PROMPTS
    for number, plan in enumerate(plans, start=1):
        cycle = runner.run(number, plan, most_bad_prompts=most_bad_prompts)
        cycles.append(cycle)
        if not broke(cycle.before):
            most_bad_prompts = 1
    return tuple(cycles)


def _compare(services: Services, cycles: Sequence[CycleSeen]) -> tuple[Comparison, ...]:
    """Have the Evaluator itself score an answer of each cycle that the Manager says passes."""
    compared = []
    for cycle in cycles:
        passed: Exchange | None = next((one for one in cycle.after if one.passed), None)
        if passed is None or passed.score is None:
            continue
        # An answer may show code without the fence that the Evaluator saw it in.
        spellings = {passed.output, probes.fence(passed.output)}
        scores = [
            services.evaluate(passed.task, output, refined_input=passed.refined_input).score
            for output in sorted(spellings)
        ]
        own = max((score for score in scores if score is not None), default=None)
        if own is not None:
            compared.append(Comparison(cycle.number, passed.score, own))
    return tuple(compared)
