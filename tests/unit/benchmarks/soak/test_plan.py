import pytest

from benchmarks.healing.scenarios import PromptScenario
from benchmarks.soak.plan import (
    AFTER_DEPLOY_SECONDS,
    CALM_SECONDS,
    DEPLOY,
    MID_HEAL,
    TURNS,
    Event,
    plan_events,
    take_turns,
)

HOUR = 3600


def plan(seconds: float, *, deploy: float = 600, restart: float = 300) -> list[Event]:
    return plan_events(seconds, deploy_every=deploy, restart_every=restart, prompts=["a", "b"])


def test_kinds_of_prompts_take_turns() -> None:
    prompts = [PromptScenario(name, name[0], "") for name in ("a1", "a2", "b1", "a3", "b2")]
    assert [one.name for one in take_turns(prompts)] == ["a1", "b1", "a2", "b2", "a3"]


def test_every_deploy_has_its_time() -> None:
    deploys = [one for one in plan(2 * HOUR) if one.how == DEPLOY]
    assert [one.at_seconds for one in deploys] == [600 * number for number in range(1, 12)]
    assert [one.what for one in deploys[:3]] == ["a", "b", "a"]


def test_everything_is_restarted_in_turns() -> None:
    events = plan(2 * HOUR)
    assert events == sorted(events, key=lambda one: one.at_seconds)
    restarts = [(one.what, one.how) for one in events if one.how != DEPLOY]
    assert len(restarts) == 23
    assert {restarts.count(turn) for turn in TURNS} == {2, 3}
    assert max(one.at_seconds for one in events) <= 2 * HOUR - CALM_SECONDS


@pytest.mark.parametrize(("deploy", "restart"), [(600, 300), (180, 90), (600, 420), (300, 700)])
def test_a_restart_in_mid_heal_comes_with_a_deploy(deploy: float, restart: float) -> None:
    events = plan(6 * HOUR, deploy=deploy, restart=restart)
    deploys = {one.at_seconds for one in events if one.how == DEPLOY}
    in_mid_heal = [one.at_seconds for one in events if one.how == MID_HEAL]
    assert in_mid_heal
    assert set(in_mid_heal) <= deploys
    others = {one.at_seconds for one in events if one.how not in (DEPLOY, MID_HEAL)}
    assert not others & deploys


def test_another_restart_that_falls_on_a_deploy_comes_while_it_is_healed() -> None:
    at = next(one.at_seconds for one in plan(HOUR) if one.what == "postgres")
    assert at == 4 * 300 + AFTER_DEPLOY_SECONDS


def test_a_short_soak_has_no_event() -> None:
    assert plan(300) == []
