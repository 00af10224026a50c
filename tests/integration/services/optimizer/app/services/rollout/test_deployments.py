"""A person deploys while a text serves a share of traffic: that ends it, at whatever step."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from support.rollouts import CANARY, run_of, state

from services.common.models import Prompt
from services.common.record.activation import IncumbentChangedError
from services.common.record.outcomes import HealingOutcome
from services.common.record.rollouts.endings import promote_rollout
from services.common.record.rollouts.rollout import Rollout, load_open_rollouts

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
LoadActive = Callable[[], Awaitable[Prompt]]
Optimize = Callable[..., Awaitable[dict[str, HealingOutcome]]]
Answer = Callable[..., Awaitable[None]]

BAD = "just say hello world to everything"
AT_STEP = "UPDATE selfheal.rollouts SET step = $1, share = steps[$1 + 1]"
AS_BEFORE = """
    DELETE FROM prompts WHERE version > 99;
    UPDATE prompts SET is_active = version = 99;
    UPDATE selfheal.rollouts SET ended_at = NULL, outcome = NULL, reason = '';
    UPDATE selfheal.healing_runs SET decision = 'canary';
"""


@pytest.mark.parametrize(
    ("step", "answers"),
    [
        pytest.param(0, 20, id="about to go on"),
        pytest.param(1, 0, id="at a half"),
        pytest.param(1, 20, id="about to be promoted"),
    ],
)
async def test_it_ends_whatever_the_text(
    connection: Connection, rollout: Rollout, deploy: Deploy, answer: Answer, look: Optimize,
    *, load_active: LoadActive, step: int, answers: int,
) -> None:  # fmt: skip
    await answer(answers)
    texts = {"the candidate's": rollout.content, "the incumbent's": BAD, "a third": "Write Python."}
    for whose, text in texts.items():
        await connection.execute(AS_BEFORE)
        await connection.execute(AT_STEP, step)
        [judged] = await load_open_rollouts(connection)
        await deploy(text, version=100)  # the number that was meant for us
        with pytest.raises(IncumbentChangedError):  # who had judged before
            await promote_rollout(connection, judged)
        superseded = HealingOutcome(
            "held", "canary_superseded", 100, before_version=100, run_id=str(rollout.run_id)
        )
        assert await look() == {"code_generation": superseded}, whose
        assert (await state(connection))[:3] == ("superseded", "canary_superseded", step), whose
        assert (await run_of(connection))["decision"] == "held", whose
        assert await look() == {}, whose
        serving = await load_active()
        assert (serving.version, serving.content, serving.created_by) == (100, text, "mentor")
    assert await connection.fetchval("SELECT count(*) FROM optimization_reports") == 0


async def test_what_failed_and_is_deployed_again_is_healed_again(
    connection: Connection,
    rollout: Rollout,
    deploy: Deploy,
    log_result: LogResult,
    look: Optimize,
) -> None:
    await deploy(BAD, version=101)
    await look()
    await log_result(times=5, version=101)
    [outcome] = (await look()).values()
    assert (outcome.decision, outcome.reason) == (CANARY.decision, CANARY.reason)
    [found] = await load_open_rollouts(connection)
    assert (found.content, found.reserved_version) == (rollout.content, 102)


async def test_a_look_between_the_guides_two_statements_ends_it(
    connection: Connection, rollout: Rollout, deploy: Deploy, look: Optimize
) -> None:
    await connection.execute("UPDATE prompts SET is_active = FALSE")
    await look()
    assert (await state(connection))[0] == "superseded"
    await deploy("Write Python.", version=100)
    assert await look() == {}


async def test_who_takes_a_deployment_back_before_a_look_ends_nothing(
    connection: Connection, rollout: Rollout, deploy: Deploy, answer: Answer, look: Optimize
) -> None:
    await deploy("Write Python.", version=100)
    await connection.execute("UPDATE prompts SET is_active = version = 99")
    await answer(20)
    await look()
    assert await state(connection) == (None, "", 1, 0.5)
