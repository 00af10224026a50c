"""Lists the strategies that propose candidates, in the order in which they are tried.

The order is that of trust: what has served comes before what is new, and what changes little
before what starts anew. Ties go to the earlier one.
"""

from services.optimizer.app.services.repair.candidates import Strategy
from services.optimizer.app.services.repair.strategies.few_shot import few_shot
from services.optimizer.app.services.repair.strategies.gepa_search import gepa_search
from services.optimizer.app.services.repair.strategies.without_offending_lines import (
    without_offending_lines,
)
from services.optimizer.app.services.repair.strategies.without_replays import (
    completed,
    corrected_incumbent,
    last_good_version,
    rebuilt_from_rules,
    reflection,
)

__all__ = ["FINISHING", "STRATEGIES"]

STRATEGIES: dict[str, Strategy] = {
    "last_good_version": last_good_version,
    "without_offending_lines": without_offending_lines,
    "reflection": reflection,
    "corrected_incumbent": corrected_incumbent,
    "rebuilt_from_rules": rebuilt_from_rules,
    "few_shot": few_shot,
    "gepa_search": gepa_search,
}
# What may make a repair better that has never served.
FINISHING: dict[str, Strategy] = {"completed": completed}
