"""Picks live inputs that a rollout's two texts are run on where too few answers come. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from services.common.proof.input_clusters import cluster_inputs, take_in_turn
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.replay_results import GUARD, ReplayInput, ReplayResult
from services.optimizer.app.services.screening.screening import screen

# A look runs so many inputs, and a rollout so many in all: two calls of the Worker each.
PER_LOOK = 4
MAX_REPLAYED = 60


def pick_fresh(
    asked: Sequence[LoggedResult], *, seen: Collection[str], replayed: Collection[str]
) -> list[ReplayInput]:
    """Pick distinct inputs that neither this rollout nor what proved its text has run.

    Of like ones two count at most, and none that gives orders.

    Args:
        asked: What either arm was asked since the rollout began, the oldest first.
        seen: Fingerprints of what the text was chosen and proven on.
        replayed: Fingerprints of what was run before.
    """
    distinct = list({row.text: row for row in reversed(asked)}.values())[::-1]
    clusters = cluster_inputs([row.text for row in distinct])
    order = [distinct[at] for at in take_in_turn(clusters)]
    clean = set(screen(order).clean)
    known = {*seen, *replayed}
    inputs = [ReplayInput.of_row("", row, GUARD) for row in order if row in clean]
    room = max(0, min(PER_LOOK, MAX_REPLAYED - len(replayed)))
    fresh = [replace(one, id=name) for one in inputs if (name := one.fingerprint) not in known]
    return fresh[:room]


def compare_replays(
    inputs: Sequence[ReplayInput],
    incumbent: Mapping[str, ReplayResult],
    candidate: Mapping[str, ReplayResult],
) -> Iterator[float]:
    """Give the candidate's gain in score on each input that the incumbent was scored on.

    A candidate that gives nothing to score there counts as 0: it wins no pair by keeping silent.
    """
    for item in inputs:
        if item.id in incumbent:
            theirs = incumbent[item.id].score
            yield (candidate[item.id].score if item.id in candidate else 0.0) - theirs
