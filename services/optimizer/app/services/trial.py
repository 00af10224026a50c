"""The trial of a repair: which inputs choose a candidate, and which give the verdict. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.common.task_types import GoldenInputs
from services.optimizer.app.services.log_analyzer import LoggedResult
from services.optimizer.app.services.promotion import PairedScore
from services.optimizer.app.services.replay import ReplayInput, ReplayResult

FAILING = "failing"
GOLDEN = "golden"
MAX_FAILING = 4
MAX_FAILING_WITHOUT_GOLDEN = 16
CHOOSING_GOLDEN = 3
VERDICT_GOLDEN = 10


@dataclass(frozen=True, slots=True)
class TrialInputs:
    """Two sets of inputs without a common member: one chooses, the other gives the verdict."""

    choosing: tuple[ReplayInput, ...]
    verdict: tuple[ReplayInput, ...]

    @property
    def total(self) -> int:
        """Inputs in both sets."""
        return len(self.choosing) + len(self.verdict)


def plan_trial(failing: Sequence[LoggedResult], golden: GoldenInputs) -> TrialInputs:
    """Deal the failing inputs out in turn, the first to the choosing set, and add golden ones.

    A golden input that fails in traffic has its place already: it is not added again.
    """
    most = MAX_FAILING if golden.verdict else MAX_FAILING_WITHOUT_GOLDEN
    chosen = [
        ReplayInput(f"failing-{number}", failure.user_input, failure.refined_input, FAILING)
        for number, failure in enumerate(failing[:most], 1)
    ]
    taken = {text for item in chosen for text in (item.user_input, item.refined_input)}
    choosing = [text for text in golden.choosing if text not in taken]
    verdict = [text for text in golden.verdict if text not in taken]
    return TrialInputs(
        choosing=(*chosen[::2], *_golden("choosing", choosing[:CHOOSING_GOLDEN])),
        verdict=(*chosen[1::2], *_golden("verdict", verdict[:VERDICT_GOLDEN])),
    )


def pair_scores(
    incumbent: Mapping[str, ReplayResult], candidate: Mapping[str, ReplayResult]
) -> list[PairedScore]:
    """Scores of the inputs that both prompts were scored on, by one and the same evaluator."""
    return [
        PairedScore(input_id, incumbent[input_id].score, candidate[input_id].score)
        for input_id in incumbent
        if input_id in candidate
        and incumbent[input_id].fingerprint == candidate[input_id].fingerprint
    ]


def still_fails(results: Mapping[str, ReplayResult]) -> bool:
    """Whether any input fails when it is run again; what passes now was bad luck."""
    return any(not result.passed for result in results.values())


def repairs_all(
    candidate: Mapping[str, ReplayResult], incumbent: Mapping[str, ReplayResult]
) -> bool:
    """Whether the candidate passes each input from live traffic that the incumbent fails again.

    Golden inputs don't count: some are beyond a small model under any prompt.
    """
    broken = [
        input_id
        for input_id, result in incumbent.items()
        if input_id.startswith(FAILING) and not result.passed
    ]
    return bool(broken) and all(
        input_id in candidate and candidate[input_id].passed for input_id in broken
    )


def _golden(half: str, inputs: Sequence[str]) -> list[ReplayInput]:
    return [
        ReplayInput(f"{GOLDEN}-{half}-{number}", text, text, GOLDEN)
        for number, text in enumerate(inputs, 1)
    ]
