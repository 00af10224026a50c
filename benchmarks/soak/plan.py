"""When what is done to the system in a soak: bad deploys, and restarts in turns. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from typing import Final

from benchmarks.healing.scenarios import PromptScenario

OPTIMIZER, POSTGRES = "optimizer", "postgres"
DEPLOY, SIGTERM, SIGKILL = "deploy", "SIGTERM", "SIGKILL"
RESTART, MID_HEAL = "restart", "SIGKILL in mid-heal"
# An odd number of turns: where every other restart falls on a deploy, in the next cycle others do.
TURNS: Final = (
    ("manager", SIGTERM),
    (OPTIMIZER, MID_HEAL),
    ("worker", SIGTERM),
    (POSTGRES, RESTART),
    ("evaluator", SIGTERM),
    ("manager", SIGKILL),
    (OPTIMIZER, SIGTERM),
    ("worker", SIGKILL),
    ("evaluator", SIGKILL),
)
# A restart that falls on a deploy comes so much later: while its heal or its canary goes on.
AFTER_DEPLOY_SECONDS: Final = 5.0
# The last restart is so long before the end.
CALM_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that is done to the system.

    Attributes:
        at_seconds: From the first request on.
        what: The name of the bad prompt, or of the part that is restarted.
        how: `deploy`, or how the part is ended.
    """

    at_seconds: float
    what: str
    how: str


def take_turns(prompts: Iterable[PromptScenario]) -> list[PromptScenario]:
    """Order prompts so that kinds take turns: one of each kind, then a second one of each."""
    seen: Counter[str] = Counter()
    rounds = []
    for prompt in prompts:
        rounds.append((seen[prompt.kind], prompt))
        seen[prompt.kind] += 1
    return [prompt for _, prompt in sorted(rounds, key=lambda one: one[0])]


def plan_events(
    seconds: float,
    *,
    deploy_every: float,
    restart_every: float,
    prompts: Sequence[str],
) -> list[Event]:
    """Plan all events, in the order of their times.

    After every deploy there is as much time as between two of them. What interrupts a heal waits
    for the next deploy; where none comes any more it is left out.

    Args:
        seconds: Length of the soak.
        deploy_every, restart_every: In seconds.
        prompts: Names of bad prompts, used in turns.
    """
    deploys = list(_times(deploy_every, seconds - deploy_every))
    events = [Event(at, name, DEPLOY) for at, name in zip(deploys, cycle(prompts), strict=False)]
    for at, (part, how) in zip(
        _times(restart_every, seconds - CALM_SECONDS), cycle(TURNS), strict=False
    ):
        if how == MID_HEAL:
            events += [Event(next_one, part, how) for next_one in deploys if next_one >= at][:1]
        else:
            delay = AFTER_DEPLOY_SECONDS if at in deploys else 0
            events.append(Event(at + delay, part, how))
    return sorted(events, key=lambda event: event.at_seconds)


def _times(every: float, last: float) -> Iterator[float]:
    for number in count(1):
        if every * number > last:
            return
        yield every * number
