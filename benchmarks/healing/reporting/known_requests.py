"""How much of what users ask for the simulated model knows: a limit of the benchmark itself."""

from benchmarks.healing.inputs import SIMULATED, read_pools
from benchmarks.healing.lane.database import TASK_TYPE
from benchmarks.healing.reporting.intervals import Rate, rate_of
from services.common.task_types import open_task_types
from simulated_model.knowledge import find_task


def count_known() -> dict[str, Rate]:
    """Count the requests that the simulated model has an answer for, by what they are used for."""
    pools = read_pools(SIMULATED)
    golden = open_task_types(None).golden_inputs(TASK_TYPE)
    texts = {
        "live": pools.live,
        "held out": pools.held_out,
        "golden": (*golden.choosing, *golden.verdict),
    }
    return {name: rate_of([find_task(text) is not None for text in texts[name]]) for name in texts}
