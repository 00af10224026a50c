"""The contest: who runs, in what order, how often, and who wins."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.common.errors import ServiceError, UpstreamError
from services.common.task_types import Repairs
from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.proof.replay_results import FAILING, GOLDEN, ReplayInput
from services.optimizer.app.services.repair.candidate_lint import LintContext
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext, Strategy
from services.optimizer.app.services.repair.contest import FIRST_LOOK, Choice, Contest

MakeReplays = Callable[..., Any]

INCUMBENT = "just say hello world"
INPUTS = tuple(
    ReplayInput(f"{source}-{n}", f"{source} {n}", f"{source} {n}", source)
    for n in range(4)
    for source in (FAILING, GOLDEN)
)
SCORES = {INCUMBENT: 0.35, "good": 0.9, "better": 1.0, "fair": 0.6, "fairer": 0.65, "bad": 0.2}


def by_text(content: str, item: ReplayInput) -> float | None:
    return SCORES[content]


def proposing(*contents: str, error: ServiceError | None = None) -> Strategy:
    async def strategy(context: RepairContext) -> AsyncIterator[Candidate]:
        for content in contents:
            yield Candidate(content, f"strategy of {content}", f"since {content}")
        if error is not None:
            raise error

    return strategy


def make_contest(
    replays: Any,
    *,
    calls_left: Callable[[], int] | None = None,
    trusted: str = "",
) -> Contest:
    context = RepairContext(
        incumbent=INCUMBENT,
        analysis=analyze_failures([], threshold=3),
        choosing=INPUTS,
        incumbent_results={},
        last_good=None,
        repairs=Repairs(role="", by_rule={}),
        replay=replays.run,
        lint=LintContext(INCUMBENT, longest_served_bytes=100, lost_recently=frozenset({"lost"})),
    )
    return Contest(
        replays,
        context,
        calls_left=calls_left or (lambda: replays.calls_left),
        trusted=trusted,
    )


async def choose(contest: Contest, *contents: str) -> Choice:
    return await contest.choose({"all": proposing(*contents)})


def winner_of(choice: Choice) -> str | None:
    return choice.best.candidate.content if choice.best else None


@pytest.mark.parametrize(
    ("contents", "winner"),
    [
        pytest.param([], None, id="nobody"),
        pytest.param(["bad"], None, id="nobody-better"),
        pytest.param(["fair"], "fair", id="one"),
        pytest.param(["fair", "fairer"], "fairer", id="the-largest-gain"),
        pytest.param(["fairer", "fair"], "fairer", id="wherever-it-stands"),
        pytest.param(["bad", "fair"], "fair", id="behind-a-bad-one"),
        pytest.param(["good", "better"], "good", id="a-whole-repair-ends-the-search"),
        pytest.param([INCUMBENT, "fair"], "fair", id="the-incumbent-is-no-candidate"),
    ],
)
async def test_the_winner(
    make_replays: MakeReplays, contents: list[str], winner: str | None
) -> None:
    choice = await choose(make_contest(make_replays(by_text)), *contents)
    assert winner_of(choice) == winner


async def test_ties_go_to_the_one_that_is_trusted_more(make_replays: MakeReplays) -> None:
    contest = make_contest(make_replays(lambda content, item: SCORES.get(content, 0.6)))
    choice = await choose(contest, "one", "two")
    assert winner_of(choice) == "one"
    assert [contender.candidate.content for contender in choice.contenders] == ["one", "two"]


async def test_luck_beats_nobody_who_is_trusted_more(make_replays: MakeReplays) -> None:
    """Of eight answers the lucky one has six right and the trusted one five, each by chance."""
    wrong = {"trusted": ("golden-0", "golden-2", "failing-1"), "lucky": ("golden-1", "failing-3")}

    def answer(content: str, item: ReplayInput) -> float:
        if content == INCUMBENT:
            return 0.35
        return 0.3 if item.id in wrong[content] else 0.9

    assert winner_of(await choose(make_contest(make_replays(answer)), "trusted", "lucky")) == (
        "trusted"
    )
    assert winner_of(await choose(make_contest(make_replays(answer)), "lucky", "trusted")) == (
        "lucky"
    )


@pytest.mark.parametrize(
    ("other_wrong", "served_well", "winner"),
    [
        pytest.param({0, 5}, False, "other", id="by-one-error-what-never-served"),
        pytest.param({0, 5}, True, "served", id="not-by-one-error-what-served-well"),
        pytest.param({1}, True, "served", id="nor-by-two-errors"),
        pytest.param(set(), True, "other", id="by-three-errors"),
    ],
)
async def test_what_served_well_is_passed_only_where_luck_can_hardly_be_it(
    make_replays: MakeReplays,
    other_wrong: set[int],
    served_well: bool,
    winner: str,
) -> None:
    """Of eight answers three are right under what served: it leads too little to end the search."""
    wrong = {
        "served": {item.id for item in INPUTS[1:6]},
        "other": {INPUTS[at].id for at in other_wrong},
    }

    def answer(content: str, item: ReplayInput) -> float:
        if content == INCUMBENT:
            return 0.35
        return 0.3 if item.id in wrong[content] else 0.9

    trusted = "served" if served_well else ""
    contest = make_contest(make_replays(answer), trusted=trusted)
    choice = await choose(contest, "served", "other")
    assert winner_of(choice) == winner
    assert len(choice.contenders) == 2


@pytest.mark.parametrize(
    ("unlucky", "winner"),
    [
        pytest.param(FIRST_LOOK, "served", id="unlucky-at-first"),
        pytest.param(5, "served", id="a-little-worse-on-all"),
        pytest.param(7, None, id="worse-by-more-than-luck"),
    ],
)
async def test_what_served_well_is_dropped_only_where_it_is_seen_to_be_no_better(
    make_replays: MakeReplays, unlucky: int, winner: str | None
) -> None:
    """Whatever the first four show: it is run on all eight."""
    lost = {item.id for item in INPUTS[:unlucky]}

    def answer(content: str, item: ReplayInput) -> float:
        return 0.55 if content == INCUMBENT else 0.3 if item.id in lost else 0.9

    assert winner_of(await choose(make_contest(make_replays(answer)), "served")) is None
    contest = make_contest(make_replays(answer), trusted="served")
    assert winner_of(await choose(contest, "served")) == winner


async def test_what_served_well_and_clearly_leads_ends_the_search(
    make_replays: MakeReplays,
) -> None:
    """It loses somewhere, as nothing that never served may."""

    def answer(content: str, item: ReplayInput) -> float:
        if content == INCUMBENT:
            return 0.35
        return 0.3 if content == "served" and item.id == "golden-1" else 0.9

    replays = make_replays(answer)
    choice = await choose(make_contest(replays, trusted="served"), "served", "other")
    assert winner_of(choice) == "served"
    assert len(choice.contenders) == 1
    assert len((await choose(make_contest(replays), "served", "other")).contenders) == 2


async def test_a_whole_repair_is_looked_at_further_before_what_served_well_is_kept(
    make_replays: MakeReplays,
) -> None:
    """On the first four it leads by less than three errors, on all eight by more."""
    mended = {"served": ("failing-0",), "whole": tuple(item.id for item in INPUTS)}

    def answer(content: str, item: ReplayInput) -> float:
        return 0.9 if item.id in mended.get(content, ()) else 0.35

    contest = make_contest(make_replays(answer), trusted="served")
    assert winner_of(await choose(contest, "served", "whole")) == "whole"


async def test_what_served_well_is_not_passed_on_fewer_inputs_than_a_first_look(
    make_replays: MakeReplays,
) -> None:
    def answer(content: str, item: ReplayInput) -> float | None:
        if content == "mute" and item.id != "golden-1":
            return None
        return {"served": 0.6, "mute": 1.0}.get(content, 0.35)

    contest = make_contest(make_replays(answer), trusted="served")
    assert winner_of(await choose(contest, "served", "mute")) == "served"


async def test_what_served_well_and_changes_nothing_is_dropped(make_replays: MakeReplays) -> None:
    contest = make_contest(make_replays(lambda content, item: 0.35), trusted="served")
    assert winner_of(await choose(contest, "served")) is None


async def test_what_shows_no_gain_at_first_gets_no_second_look(make_replays: MakeReplays) -> None:
    replays = make_replays(by_text)
    await choose(make_contest(replays), "bad")
    assert replays.asked.count(("bad", "failing-0")) == 1
    assert len([one for one in replays.asked if one[0] == "bad"]) == FIRST_LOOK


async def test_what_shows_some_gain_is_run_on_all(make_replays: MakeReplays) -> None:
    replays = make_replays(by_text)
    await choose(make_contest(replays), "fair")
    assert len([one for one in replays.asked if one[0] == "fair"]) == len(INPUTS)


async def test_a_second_look_needs_calls_for_both_arms(make_replays: MakeReplays) -> None:
    replays = make_replays(by_text, budget=2 * FIRST_LOOK + 2 * FIRST_LOOK - 1)
    choice = await choose(make_contest(replays), "fair")
    assert winner_of(choice) == "fair"
    assert len(replays.asked) == 2 * FIRST_LOOK


async def test_the_incumbent_s_replays_are_shared(make_replays: MakeReplays) -> None:
    replays = make_replays(by_text)
    await choose(make_contest(replays), "fair", "fairer", "bad")
    incumbent = [name for content, name in replays.asked if content == INCUMBENT]
    assert len(incumbent) == len(set(incumbent)) == len(INPUTS)


async def test_a_repair_that_loses_somewhere_does_not_end_the_search(
    make_replays: MakeReplays,
) -> None:
    """It mends what failed in traffic, and breaks a golden input that worked."""

    def answer(content: str, item: ReplayInput) -> float:
        if item.id == "golden-0":
            return {INCUMBENT: 0.9, "partial": 0.3}.get(content, 0.9)
        return 0.35 if content == INCUMBENT else 0.9

    contest = make_contest(make_replays(answer))
    choice = await choose(contest, "partial", "whole")
    assert winner_of(choice) == "whole"
    assert [contender.is_convincing for contender in choice.contenders] == [False, True]


async def test_gains_that_mend_nothing_do_not_end_the_search(make_replays: MakeReplays) -> None:
    """Every input scores more and none passes: a later candidate may do better."""
    contest = make_contest(make_replays(by_text))
    choice = await choose(contest, "fair", "good")
    assert winner_of(choice) == "good"
    assert [contender.screening.losses for contender in choice.contenders] == [0, 0]


async def test_a_service_that_is_down_ends_the_contest(make_replays: MakeReplays) -> None:
    def answer(content: str, item: ReplayInput) -> float:
        if content == "good":
            raise UpstreamError("down", upstream="worker", upstream_code="unreachable")
        return SCORES[content]

    choice = await choose(make_contest(make_replays(answer)), "fair", "good")
    assert isinstance(choice.failure, UpstreamError)
    assert choice.best is None
    assert [contender.candidate.content for contender in choice.contenders] == ["fair"]


async def test_three_that_pass_now_without_a_loss_are_convincing(make_replays: MakeReplays) -> None:
    """One failing input may be beyond any prompt; the others are mended."""

    def answer(content: str, item: ReplayInput) -> float:
        return 0.35 if content == INCUMBENT or item.id == "failing-0" else 0.9

    contest = make_contest(make_replays(answer))
    choice = await choose(contest, "good", "better")
    assert winner_of(choice) == "good"


async def test_the_same_text_is_run_once(make_replays: MakeReplays) -> None:
    contest = make_contest(make_replays(by_text))
    choice = await choose(contest, "fair", "fair")
    assert len(choice.contenders) == 1


async def test_what_the_lint_refuses_costs_no_call(make_replays: MakeReplays) -> None:
    replays = make_replays(by_text)
    contest = make_contest(replays)
    choice = await choose(contest, "", '{"a": 1}', "zero\u200bwidth", "lost")
    assert winner_of(choice) is None
    assert replays.asked == []
    assert [one.refused for one in choice.refused] == [
        "it is blank",
        "it is wrapped in JSON",
        "it has the character U+200B",
        "it lost within the last day",
    ]


async def test_a_strategy_that_fails_keeps_no_other_from_trying(make_replays: MakeReplays) -> None:
    contest = make_contest(make_replays(by_text))
    error = UpstreamError("down", upstream="worker", upstream_code="model_timeout")
    with capture_logs() as logs:
        choice = await contest.choose(
            {"broken": proposing("bad", error=error), "sound": proposing("fair")}
        )
    assert winner_of(choice) == "fair"
    failed = [entry for entry in logs if entry["event"] == "strategy_failed"]
    assert [(entry["strategy"], entry["code"]) for entry in failed] == [("broken", "worker_failed")]


async def test_a_candidate_whose_answers_a_provider_withholds_keeps_no_other_from_trying(
    make_replays: MakeReplays,
) -> None:
    def answer(content: str, item: ReplayInput) -> float | None:
        if content == "filtered":
            raise UpstreamError("no", upstream="worker", upstream_code="model_content_filtered")
        return SCORES[content]

    choice = await choose(make_contest(make_replays(answer)), "filtered", "fair")
    assert winner_of(choice) == "fair"


async def test_a_candidate_whose_answers_nobody_can_judge_keeps_no_other_from_trying(
    make_replays: MakeReplays,
) -> None:
    def answer(content: str, item: ReplayInput) -> float | None:
        return None if content == "mute" else SCORES[content]

    contest = make_contest(make_replays(answer))
    choice = await choose(contest, "mute", "fair")
    assert winner_of(choice) == "fair"
    assert [(one.strategy, one.refused) for one in choice.refused] == [
        ("strategy of mute", "none of its answers could be scored")
    ]


@pytest.mark.parametrize("calls", [0, FIRST_LOOK - 1])
async def test_without_calls_for_a_first_look_nobody_runs(
    make_replays: MakeReplays, calls: int
) -> None:
    replays = make_replays(by_text, budget=calls)
    contest = make_contest(replays)
    choice = await choose(contest, "good")
    assert winner_of(choice) is None
    assert choice.is_budget_spent
    assert replays.asked == []


async def test_calls_that_run_out_end_the_contest_with_what_there_is(
    make_replays: MakeReplays,
) -> None:
    replays = make_replays(by_text, budget=3 * FIRST_LOOK)
    contest = make_contest(replays)
    choice = await choose(contest, "fair", "fairer", "good")
    assert winner_of(choice) == "fairer"
    assert choice.is_budget_spent


async def test_a_strategy_is_told_what_it_may_spend(make_replays: MakeReplays) -> None:
    shares: list[int] = []

    async def note(context: RepairContext) -> AsyncIterator[Candidate]:
        shares.append(context.calls_for_search)
        yield Candidate("bad", "note", "since")

    replays = make_replays(by_text, budget=50)
    await make_contest(replays).choose({"one": note, "two": note})
    assert shares == [50, 50 - 2 * FIRST_LOOK]


async def test_candidates_are_registered_under_their_strategy(make_replays: MakeReplays) -> None:
    replays = make_replays(by_text)
    await choose(make_contest(replays), "fair")
    assert replays.registered["fair"] == "strategy of fair"


@pytest.mark.parametrize(
    ("scores", "winner"),
    [
        pytest.param({"found": 0.6, "whole": 0.6}, "whole", id="as-good"),
        pytest.param({"found": 0.6, "whole": 0.65}, "whole", id="better"),
        pytest.param({"found": 0.6, "whole": 0.5}, "found", id="worse"),
        pytest.param({"found": 0.6, "whole": 0.3}, "found", id="worse-than-the-incumbent"),
        pytest.param({"found": 0.9, "whole": 0.9}, "found", id="nothing-is-left-to-complete"),
    ],
)
async def test_what_was_found_is_completed_unless_that_is_seen_to_do_worse(
    make_replays: MakeReplays, scores: dict[str, float], winner: str
) -> None:
    contest = make_contest(make_replays(lambda content, item: {INCUMBENT: 0.35, **scores}[content]))
    choice = await contest.choose({"all": proposing("found")}, {"finishing": proposing("whole")})
    assert winner_of(choice) == winner
