"""Runs a prompt again on ever more inputs, until it is told whose fault its failures are."""

from collections.abc import Iterator, Sequence

from services.optimizer.app.services.diagnosis.attribution import Attribution
from services.optimizer.app.services.diagnosis.replay_attribution import attribute_from_replays
from services.optimizer.app.services.diagnosis.rerun import Replays
from services.optimizer.app.services.log.log_records import PastPrompt, Window
from services.optimizer.app.services.proof.replay_results import ReplayInput
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.proof.trial import TrialInputs

# Inputs of the first look, and of each one beyond the choosing inputs.
LOOK = 4


async def attribute_by_looking(
    replays: TextReplays,
    trial: TrialInputs,
    window: Window,
    *,
    incumbent: str,
    last_good: PastPrompt | None,
    most_calls: float,
) -> Attribution:
    """Run the prompt again, and beside it the last one that served well; a few inputs first.

    While it can't be told whose fault it is, more inputs are run under the prompt alone.

    Args:
        most_calls: Worker calls of this heal within which more inputs than the choosing ones are
            run.

    Raises:
        ServiceError: If Worker or Evaluator fail.
    """
    for inputs in _plan_looks(trial):
        shared = inputs[: len(trial.choosing)]
        if len(inputs) > len(shared) and replays.calls + LOOK > most_calls:
            break
        now = await replays.run(incumbent, inputs)
        before = await replays.run(last_good.content, shared) if last_good else {}
        found = attribute_from_replays(
            window, Replays(inputs, now, last_good, before, failing_clusters=trial.clusters)
        )
        if not found.is_open:
            break
    return found


def _plan_looks(trial: TrialInputs) -> Iterator[Sequence[ReplayInput]]:
    """Give the first few inputs for choosing, then all of them, then spare ones too."""
    yield trial.choosing[:LOOK]
    yield trial.choosing
    for more in range(LOOK, len(trial.spare_choosing) + LOOK, LOOK):
        yield (*trial.choosing, *trial.spare_choosing[:more])
