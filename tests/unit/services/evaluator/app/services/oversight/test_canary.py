"""The canary: when judging counts as changed, what is compared with what, and who is told."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.common.errors import JudgeInvalidError, UnscoredError
from services.common.evaluation_detail import EvaluationDetail
from services.common.schemas import EvaluationRequest
from services.evaluator.app.services.oversight.calibration.labelled_set import Score, load_canaries
from services.evaluator.app.services.oversight.canary import (
    CanaryRound,
    CanaryStatus,
    CanaryWatch,
    score_canary,
    weigh,
)
from services.evaluator.app.services.oversight.canary_baselines import CanaryBaselines
from services.evaluator.app.services.scorer import Verdict, reach_verdict

ITEMS = load_canaries()
PASSES = {item.answer: item.passes for item in ITEMS}
NOW = "2026-01-02T03:04:05+00:00"


class FakeEvaluation:
    """Judges rightly but for the answers that it errs on, and fails for those that it can't."""

    def __init__(self) -> None:
        self.errs_on: set[str] = set()
        self.fails: Exception | None = None
        self.asked = 0

    async def evaluate(self, request: EvaluationRequest) -> tuple[Verdict, EvaluationDetail]:
        self.asked += 1
        if self.fails is not None:
            raise self.fails
        answer = request.worker_output
        good = float(PASSES[answer] is not (answer in self.errs_on))
        return reach_verdict(good, good, demonstrably_fails=False), EvaluationDetail()

    def err_on(self, count: int) -> None:
        self.errs_on = {item.answer for item in ITEMS[:count]}


class Watched:
    """A watch with all that it was given."""

    def __init__(self, home: Path, *, score: Score | None = None) -> None:
        self.evaluation = FakeEvaluation()
        self.fingerprint = "aaaa"
        self.reported: list[CanaryStatus] = []
        self.watch = CanaryWatch(
            score or self.evaluation.evaluate,
            ITEMS,
            CanaryBaselines(home),
            fingerprint=lambda: self.fingerprint,
            interval_seconds=3600,
            on_status=self.reported.append,
        )


def round_of(agreeing: int, *, scored: int = 12, items: int = 12) -> CanaryRound:
    return CanaryRound(items=items, scored=scored, agreeing=agreeing)


@pytest.mark.parametrize(
    ("latest", "baseline", "degraded"),
    [
        pytest.param(round_of(12), None, False, id="first"),
        pytest.param(round_of(3), None, False, id="a-bad-first-is-the-baseline"),
        pytest.param(round_of(12), 1.0, False, id="as-before"),
        pytest.param(round_of(11), 1.0, False, id="one-tips-over"),
        pytest.param(round_of(10), 1.0, True, id="two-tip-over"),
        pytest.param(round_of(9, items=10, scored=10), 1.0, False, id="exactly-a-tenth"),
        pytest.param(round_of(12), 0.5, False, id="better"),
        pytest.param(round_of(8, scored=9), 1.0, True, id="of-those-scored"),
    ],
)
def test_a_drop_of_more_than_a_tenth_degrades(
    latest: CanaryRound, baseline: float | None, *, degraded: bool
) -> None:
    status = weigh(latest, baseline, CanaryStatus(), NOW)
    assert status.degraded is degraded
    assert status.state == ("degraded" if degraded else "steady")
    assert status.checked_at == NOW


@pytest.mark.parametrize("was_degraded", [True, False])
def test_too_few_scores_tell_nothing_and_leave_what_was_known(*, was_degraded: bool) -> None:
    before = CanaryStatus(state="x", agreement=0.5, degraded=was_degraded)
    status = weigh(round_of(8, scored=8), 1.0, before, NOW)
    assert (status.state, status.agreement, status.degraded) == ("unknown", None, was_degraded)
    assert "8 of 12 were scored" in status.problem


def test_a_round_with_gaps_becomes_no_baseline() -> None:
    assert weigh(round_of(11, scored=11), None, CanaryStatus(), NOW).baseline is None
    assert weigh(round_of(11), None, CanaryStatus(), NOW).baseline == 11 / 12


async def test_a_round_counts_what_was_judged_rightly_and_names_the_rest() -> None:
    evaluation = FakeEvaluation()
    evaluation.err_on(2)
    latest = await score_canary(evaluation.evaluate, ITEMS)
    assert (latest.items, latest.scored, latest.agreeing) == (12, 12, 10)
    assert latest.wrong == (ITEMS[0].id, ITEMS[1].id)


@pytest.mark.parametrize(
    ("wrong_ones_pass", "right_ones_fail", "leaning"),
    [(3, 0, "lenient"), (0, 3, "harsh"), (2, 2, ""), (3, 1, "lenient"), (1, 0, "")],
)
async def test_a_judge_that_is_degraded_is_told_as_lenient_or_as_harsh(
    tmp_path: Path, wrong_ones_pass: int, right_ones_fail: int, leaning: str
) -> None:
    watched = Watched(tmp_path)
    await watched.watch.run_once()
    wrong = [item.answer for item in ITEMS if not item.passes]
    right = [item.answer for item in ITEMS if item.passes]
    assert len(wrong) >= 3 <= len(right)
    watched.evaluation.errs_on = {*wrong[:wrong_ones_pass], *right[:right_ones_fail]}
    assert (await watched.watch.run_once()).leaning == leaning
    watched.evaluation.err_on(0)
    assert (await watched.watch.run_once()).leaning == ""


async def test_no_answers_no_agreement() -> None:
    latest = await score_canary(FakeEvaluation().evaluate, ())
    assert latest.agreement is None
    assert not latest.is_whole


async def test_a_model_that_changes_behind_its_name_is_noticed_and_so_is_its_return(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path)
    assert (await watched.watch.run_once()).state == "steady"
    watched.evaluation.err_on(3)
    with capture_logs() as logs:
        status = await watched.watch.run_once()
    assert (status.state, status.agreement, status.baseline) == ("degraded", 0.75, 1.0)
    [entry] = logs
    assert (entry["event"], entry["log_level"]) == ("canary_scored", "warning")
    assert entry["fingerprint"] == "aaaa"
    watched.evaluation.err_on(0)
    assert (await watched.watch.run_once()).state == "steady"
    assert [status.degraded for status in watched.reported] == [False, True, False]
    told = [(one["state"], one["agreement"]) for one in watched.watch.history]
    assert told == [("steady", 1.0), ("degraded", 0.75), ("steady", 1.0)]


async def test_the_baseline_outlasts_a_restart(tmp_path: Path) -> None:
    await Watched(tmp_path).watch.run_once()
    restarted = Watched(tmp_path)
    restarted.evaluation.err_on(3)
    assert (await restarted.watch.run_once()).degraded


async def test_another_fingerprint_has_a_baseline_of_its_own(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    await watched.watch.run_once()
    watched.fingerprint = "bbbb"
    watched.evaluation.err_on(3)
    status = await watched.watch.run_once()
    assert (status.degraded, status.baseline) == (False, 0.75)
    watched.fingerprint = "aaaa"
    assert (await watched.watch.run_once()).degraded


async def test_a_later_round_doesn_t_move_the_baseline(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    await watched.watch.run_once()
    for errors in (1, 2):
        watched.evaluation.err_on(errors)
        await watched.watch.run_once()
    assert watched.watch.status.degraded


@pytest.mark.parametrize(
    "failure", [UnscoredError("the provider is down"), JudgeInvalidError("no usable grade")]
)
async def test_a_judge_that_gives_no_grades_is_unknown_and_sets_no_baseline(
    tmp_path: Path, failure: Exception
) -> None:
    watched = Watched(tmp_path)
    watched.evaluation.fails = failure
    status = await watched.watch.run_once()
    assert (status.state, status.degraded) == ("unknown", False)
    assert str(failure) in status.problem
    assert CanaryBaselines(tmp_path).load("aaaa") is None


async def test_a_baseline_that_can_not_be_kept_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    watched = Watched(tmp_path / "file")
    with capture_logs() as logs:
        status = await watched.watch.run_once()
    assert status.state == "steady"
    assert "canary_baseline_not_kept" in [entry["event"] for entry in logs]


async def test_starting_returns_at_once_and_the_first_round_follows(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    told = asyncio.Event()
    watched.watch._on_status = lambda status: told.set()
    watched.watch.start()
    assert watched.watch.status.state == "waiting"
    assert watched.evaluation.asked == 0
    await told.wait()
    assert watched.watch.status.state == "steady"
    await watched.watch.close()


async def test_closing_ends_a_round_that_hangs(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def hang(request: EvaluationRequest) -> tuple[Verdict, EvaluationDetail]:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    watched = Watched(tmp_path, score=hang)
    watched.watch.start()
    await begun.wait()
    await watched.watch.close()
    await watched.watch.close()
    assert watched.watch.status.state == "waiting"


async def test_what_was_never_started_can_be_closed(tmp_path: Path) -> None:
    await Watched(tmp_path).watch.close()


def test_the_condition_says_degraded_at_the_top() -> None:
    condition = weigh(round_of(9), 1.0, CanaryStatus(), NOW).as_condition()
    assert condition["degraded"] is True
    assert condition["canary"]["agreement"] == 0.75
    assert condition["canary"]["baseline"] == 1.0
    assert CanaryStatus().as_condition()["degraded"] is False


@pytest.mark.parametrize(
    "text",
    ['{"aaaa": {"agreement": true}}', '{"aaaa": {"agreement": 7}}', '{"aaaa": 1}', '{"aaaa": {}}',
     '{"aaaa": {"agreement": NaN}}'],
)  # fmt: skip
def test_a_damaged_baseline_counts_as_none(tmp_path: Path, text: str) -> None:
    baselines = CanaryBaselines(tmp_path)
    baselines.path.write_text(text)
    assert baselines.load("aaaa") is None
    baselines.keep("aaaa", 0.5)
    assert baselines.load("aaaa") == 0.5


async def test_a_baseline_that_comes_later_is_compared_with_at_once(tmp_path: Path) -> None:
    """A replica that lost its home takes its first round for the norm until the others tell."""
    watched = Watched(tmp_path)
    watched.watch.reconsider()
    watched.evaluation.err_on(3)
    assert (await watched.watch.run_once()).state == "steady"
    watched.watch.reconsider()
    assert len(watched.reported) == 1

    CanaryBaselines(tmp_path).keep("aaaa", 1.0)
    watched.watch.reconsider()
    assert watched.watch.status.state == "degraded"
    assert (watched.watch.status.baseline, watched.watch.status.agreement) == (1.0, 0.75)
    assert watched.reported[-1].degraded
    watched.watch.reconsider()
    assert len(watched.reported) == 2
