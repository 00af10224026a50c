"""One heal: a real database, and a Worker and an Evaluator that are reached over HTTP."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.common.errors import UpstreamError
from services.common.models import Prompt
from services.common.task_types import load_golden_inputs, open_task_types
from services.optimizer.app.services.candidates import Candidate
from services.optimizer.app.services.cycle import Trigger, run_cycle
from services.optimizer.app.services.healing import Analyst, Healer
from services.optimizer.app.services.healing_case import HealingOutcome
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.replay import Replayer

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
LoadActive = Callable[[], Awaitable[Prompt]]
MakeReplayer = Callable[..., Replayer]
Siblings = Any  # of the conftest, which can't be imported
Heal = Callable[..., Awaitable[HealingOutcome]]

BAD_PROMPT = "just say hello world to everything"
TOKEN = "a-token-for-tests"
GOOD, POOR, HELLO = "```python\ngood\n```", "```python\npoor\n```", "Hello World"
SCORES = {GOOD: 0.874, POOR: 0.62, HELLO: 0.36}
INPUTS = ("Write a binary search", "Sort a list", "Reverse a string", "Count the words")


def by_prompt(answers: Mapping[str, str], otherwise: str = GOOD) -> Callable[[str, str], str]:
    """A model that answers by words of its prompt."""

    def respond(prompt: str, refined_input: str) -> str:
        return next((answer for word, answer in answers.items() if word in prompt), otherwise)

    return respond


def grade(output: str) -> float:
    return SCORES[output]


@pytest.fixture
def heal(connection: Connection, make_replayer: MakeReplayer, siblings: Siblings) -> Heal:
    """Runs the Optimizer once, as its entry point wires it, and gives the outcome."""
    siblings.grade = grade
    siblings.respond = by_prompt({"hello world": HELLO})

    async def run(*, max_calls: int = 100, analyst: Analyst | None = None) -> HealingOutcome:
        async def heal_one(incumbent: Prompt, analysis: FailureAnalysis) -> HealingOutcome:
            healer = Healer(
                connection,
                make_replayer(max_calls=max_calls),
                analyst=analyst,
                task_types=open_task_types(None),
                triggered_by="test",
            )
            return await healer.heal(incumbent, analysis)

        outcomes = await run_cycle(connection, trigger=Trigger(3, 30), heal=heal_one)
        return outcomes["code_generation"]

    return run


@pytest.fixture
async def broken(deploy: Deploy, log_result: LogResult) -> None:
    """The guide's demo: a bad prompt, and requests that fail under it."""
    await deploy(BAD_PROMPT, version=99)
    await log_result(times=5, detail={"rules": [{"name": "contains_code", "outcome": "failed"}]})


async def run_of(connection: Connection) -> asyncpg.Record:
    [row] = await connection.fetch("SELECT * FROM selfheal.healing_runs")
    return row


async def test_a_bad_prompt_is_replaced_by_the_one_that_served_well(
    connection: Connection, broken: None, heal: Heal, load_active: LoadActive
) -> None:
    seed = await connection.fetchval("SELECT content FROM prompts WHERE version = 1")
    assert await heal() == HealingOutcome(True, "better", 100)
    prompt = await load_active()
    assert (prompt.version, prompt.content, prompt.created_by) == (100, seed, "optimizer")
    assert await connection.fetchval("SELECT count(*) FROM prompts WHERE is_active") == 1


async def test_the_guide_s_demo_heals_twice_in_a_row(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    heal: Heal,
    load_active: LoadActive,
) -> None:
    for version in (100, 101):
        await deploy(BAD_PROMPT, version=99)
        await log_result(times=5)
        assert await heal() == HealingOutcome(True, "better", version)
        assert (await load_active()).version == version
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 2


async def test_the_log_tells_the_story_in_the_guide_s_events(broken: None, heal: Heal) -> None:
    with capture_logs() as logs:
        await heal()
    told = [entry["event"] for entry in logs]
    story = [
        "optimization_cycle_started",
        "task_types_needing_optimization",
        "candidates_proposed",
        "candidate_screened",
        "verdict_reached",
        "prompt_patched",
        "optimization_completed",
    ]
    assert [event for event in told if event in story] == story
    [patched] = [entry for entry in logs if entry["event"] == "prompt_patched"]
    assert (patched["before_version"], patched["after_version"]) == (99, 100)
    assert patched["strategy"] == "last_good_version"


async def test_the_report_holds_what_was_measured(
    connection: Connection, broken: None, heal: Heal, siblings: Siblings
) -> None:
    await heal()
    report = await connection.fetchrow("SELECT * FROM optimization_reports")
    assert (report["before_prompt_version"], report["after_prompt_version"]) == (99, 100)
    assert report["before_prompt_content"] == BAD_PROMPT
    assert report["improvement_pct"] == pytest.approx(100 * (0.874 - 0.36))
    assert report["triggered_by"] == "test"
    analysis = report["failure_analysis"]
    assert analysis["failures"]["count"] == 5
    assert analysis["failures"]["distinct_inputs"] == 1
    assert analysis["failures"]["failed_rules"] == {"contains_code": 5}
    verdict = analysis["verdict"]
    assert verdict["incumbent_mean"] == pytest.approx(0.36)
    assert verdict["candidate_mean"] == pytest.approx(0.874)
    assert len(verdict["pairs"]) == analysis["trial"]["verdict"] == verdict["wins"]
    assert verdict["evaluator_fingerprints"] == ["fake"]
    assert analysis["cost"]["worker_calls"] == len(siblings.tasks)
    run = await run_of(connection)
    assert (run["decision"], run["reason"], run["report_id"]) == (
        "promoted",
        "better",
        report["id"],
    )
    assert run["detail"] == analysis


async def test_replays_show_the_token_to_the_worker_alone_and_leave_no_trace_in_the_log(
    connection: Connection, broken: None, heal: Heal, siblings: Siblings
) -> None:
    await heal()
    assert siblings.tokens == Counter(
        {("worker", TOKEN): len(siblings.tasks), ("evaluator", None): len(siblings.tasks)}
    )
    assert await connection.fetchval("SELECT count(*) FROM execution_logs") == 5


async def test_what_chose_the_candidate_has_no_part_in_the_verdict(
    connection: Connection, deploy: Deploy, log_result: LogResult, heal: Heal, siblings: Siblings
) -> None:
    await deploy()
    for user_input in INPUTS:
        await log_result(user_input)
    await heal()
    seed = await connection.fetchval("SELECT content FROM prompts WHERE version = 1")
    rows = await connection.fetch("SELECT id, content FROM selfheal.candidates")
    contents = {str(row["id"]): row["content"] for row in rows}
    asked = [
        task["refined_input"] for task in siblings.tasks if contents[task["candidate_id"]] == seed
    ]
    golden = load_golden_inputs("code_generation")
    assert len(set(asked)) == len(asked)
    detail = (await run_of(connection))["detail"]
    choosing, verdict = asked[: detail["trial"]["choosing"]], asked[detail["trial"]["choosing"] :]
    assert set(choosing) & set(INPUTS)
    assert set(verdict) & set(INPUTS)
    assert not set(choosing) & set(golden.verdict)
    assert not set(verdict) & set(golden.choosing)


async def assert_held(connection: Connection, outcome: HealingOutcome, reason: str) -> None:
    """The incumbent serves on, nothing is reported, and the run says why."""
    assert outcome == HealingOutcome(False, reason, 99)
    run = await run_of(connection)
    assert (run["decision"], run["reason"], run["report_id"]) == ("held", reason, None)
    serving = await connection.fetch("SELECT version FROM prompts WHERE is_active")
    assert [row["version"] for row in serving] == [99]
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 0


async def test_failures_that_do_not_recur_are_no_reason_to_change_a_prompt(
    connection: Connection, broken: None, heal: Heal, siblings: Siblings
) -> None:
    siblings.respond = by_prompt({})
    await assert_held(connection, await heal(), "failures_did_not_recur")


async def test_what_no_prompt_mends_is_left_alone(
    connection: Connection, broken: None, heal: Heal, siblings: Siblings
) -> None:
    siblings.respond = by_prompt({}, otherwise=HELLO)
    await assert_held(connection, await heal(), "no_better_candidate")
    detail = (await run_of(connection))["detail"]
    assert {one["strategy"] for one in detail["candidates"]} == {
        "last_good_version",
        "corrected_incumbent",
        "rebuilt_from_rules",
    }


async def test_a_candidate_that_mends_the_failing_input_alone_is_not_proven(
    connection: Connection, broken: None, heal: Heal, siblings: Siblings
) -> None:
    """It wins where it was chosen, and changes nothing on the inputs of the verdict."""

    def respond(prompt: str, refined_input: str) -> str:
        mended = "hello world" not in prompt and refined_input == "Write a binary search function"
        return GOOD if mended else HELLO

    siblings.respond = respond
    await assert_held(connection, await heal(), "not_better")


async def test_a_candidate_that_breaks_what_works_is_not_promoted(
    connection: Connection, broken: None, heal: Heal, siblings: Siblings
) -> None:
    golden = load_golden_inputs("code_generation")

    def respond(prompt: str, refined_input: str) -> str:
        is_incumbent = prompt == BAD_PROMPT
        if refined_input in golden.verdict:
            return GOOD if is_incumbent else HELLO
        return HELLO if is_incumbent else GOOD

    siblings.respond = respond
    await assert_held(connection, await heal(), "not_better")


async def test_of_several_candidates_the_best_is_chosen(
    connection: Connection, broken: None, heal: Heal, siblings: Siblings, load_active: LoadActive
) -> None:
    siblings.respond = by_prompt({"Above all": GOOD, "hello world": HELLO}, otherwise=POOR)
    assert (await heal()).promoted
    prompt = await load_active()
    assert prompt.content.startswith(BAD_PROMPT)
    assert prompt.change_reason is not None
    assert prompt.change_reason.startswith("corrected_incumbent: ")


async def test_ties_go_to_the_more_trusted_candidate(
    broken: None, heal: Heal, siblings: Siblings, load_active: LoadActive
) -> None:
    siblings.respond = by_prompt({"hello world": HELLO}, otherwise=POOR)
    await heal()
    reason = (await load_active()).change_reason
    assert reason is not None
    assert reason.startswith("last_good_version: ")


def analyst_saying(*texts: str) -> Analyst:
    async def propose(incumbent: str, analysis: FailureAnalysis) -> Sequence[Candidate]:
        return [Candidate(text, "analyst_proposal", "since") for text in texts]

    return propose


async def test_an_analyst_s_proposal_is_promoted_where_it_is_proven_best(
    broken: None, heal: Heal, siblings: Siblings, load_active: LoadActive
) -> None:
    siblings.respond = by_prompt({"PROPOSED": GOOD, "hello world": HELLO}, otherwise=POOR)
    assert (await heal(analyst=analyst_saying("PROPOSED"))).promoted
    assert (await load_active()).content == "PROPOSED"


async def test_an_analyst_s_proposal_that_fails_the_lint_is_never_run(
    connection: Connection, broken: None, heal: Heal
) -> None:
    await heal(analyst=analyst_saying('{"evil": true}', "zero\u200bwidth", ""))
    strategies = await connection.fetch("SELECT DISTINCT strategy FROM selfheal.candidates")
    assert "analyst_proposal" not in {row["strategy"] for row in strategies}


async def test_a_person_who_is_faster_keeps_their_prompt(
    connection: Connection,
    broken: None,
    heal: Heal,
    siblings: Siblings,
    load_active: LoadActive,
) -> None:
    async def deploy_by_hand(call: int) -> None:
        if call == 1:
            await siblings.database.execute("UPDATE prompts SET is_active = FALSE")
            await siblings.database.execute(
                "INSERT INTO prompts (task_type, content, version)"
                "VALUES ('code_generation', 'theirs', 7)"
            )

    siblings.before_task = deploy_by_hand
    outcome = await heal()
    assert (outcome.promoted, outcome.reason) == (False, "incumbent_changed")
    assert (await load_active()).content == "theirs"
    assert (await run_of(connection))["reason"] == "incumbent_changed"
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 0


async def test_a_run_that_can_not_be_recorded_changes_nothing(
    connection: Connection, broken: None, heal: Heal, load_active: LoadActive
) -> None:
    refuse = "ALTER TABLE selfheal.healing_runs ADD CONSTRAINT no_room CHECK (FALSE) NOT VALID"
    await connection.execute(refuse)
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await heal()
    finally:
        await connection.execute("ALTER TABLE selfheal.healing_runs DROP CONSTRAINT no_room")
    assert (await load_active()).version == 99
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 0


@pytest.mark.parametrize("service", ["worker", "evaluator"])
async def test_where_nothing_can_be_replayed_nothing_is_changed(
    connection: Connection, broken: None, heal: Heal, siblings: Siblings, service: str
) -> None:
    if service == "worker":
        siblings.respond = lambda prompt, refined_input: 502
    else:
        siblings.grade = lambda output: 503
    with pytest.raises(UpstreamError) as caught:
        await heal()
    assert caught.value.upstream == service
    assert await connection.fetchval("SELECT version FROM prompts WHERE is_active") == 99
    assert await connection.fetchval("SELECT count(*) FROM prompts") == 2


async def test_unscored_replays_are_left_out_and_never_zeros(
    connection: Connection, broken: None, heal: Heal, siblings: Siblings
) -> None:
    """The incumbent's answers can't be scored on two inputs: these pairs don't exist."""
    golden = load_golden_inputs("code_generation").verdict[:2]

    def respond(prompt: str, refined_input: str) -> str | int:
        if refined_input in golden and prompt == BAD_PROMPT:
            return 502
        return by_prompt({"hello world": HELLO})(prompt, refined_input)

    siblings.respond = respond
    await heal()
    detail = (await run_of(connection))["detail"]
    assert len(detail["verdict"]["pairs"]) == detail["trial"]["verdict"] - 2
    assert all(pair["incumbent"] == pytest.approx(0.36) for pair in detail["verdict"]["pairs"])


@pytest.mark.parametrize("max_calls", [1, 5, 12, 25])
async def test_the_budget_is_kept_and_where_it_is_too_small_nothing_changes(
    connection: Connection, broken: None, heal: Heal, siblings: Siblings, max_calls: int
) -> None:
    outcome = await heal(max_calls=max_calls)
    assert len(siblings.tasks) <= max_calls
    if not outcome.promoted:
        await assert_held(connection, outcome, "budget_exceeded")


async def test_a_healthy_budget_heals(broken: None, heal: Heal, siblings: Siblings) -> None:
    assert (await heal(max_calls=60)).promoted
    assert len(siblings.tasks) <= 60


@pytest.mark.parametrize(
    ("inputs", "outcome"),
    [
        pytest.param(1, HealingOutcome(False, "too_few_inputs", 4), id="one-input"),
        pytest.param(9, HealingOutcome(False, "too_few_inputs", 4), id="one-too-few"),
        pytest.param(10, HealingOutcome(True, "better", 5), id="just-enough"),
    ],
)
async def test_a_task_type_without_golden_inputs_heals_on_its_failures_alone(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    make_replayer: MakeReplayer,
    siblings: Siblings,
    *,
    inputs: int,
    outcome: HealingOutcome,
) -> None:
    siblings.grade, siblings.respond = grade, by_prompt({"hello world": HELLO})
    await deploy("Write a letter.", version=3, task_type="letters")
    await deploy(BAD_PROMPT, version=4, task_type="letters")
    for number in range(inputs):
        await log_result(f"letter {number}", version=4, task_type="letters", times=3)

    async def heal(incumbent: Prompt, analysis: FailureAnalysis) -> HealingOutcome:
        healer = Healer(
            connection,
            make_replayer(),
            analyst=None,
            task_types=open_task_types(None),
            triggered_by="test",
        )
        return await healer.heal(incumbent, analysis)

    outcomes = await run_cycle(connection, trigger=Trigger(3, 30), heal=heal)
    assert outcomes == {"letters": outcome}
    if not outcome.promoted:
        assert siblings.tasks == []
