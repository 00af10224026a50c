import pytest

from benchmarks.healing.inputs import SIMULATED, Pools, read_pools
from benchmarks.healing.records import CONTROL, FAULT, REGRESSION
from benchmarks.healing.scenarios import Fault, PromptScenario
from benchmarks.healing.schedule import (
    FLOOD_REQUESTS,
    LEAST_HARD_REQUESTS,
    MODES,
    Run,
    plan_flood,
    plan_healthy,
    plan_runs,
    plan_steady,
)

BAD = PromptScenario("bad", "fixed_reply", "say hello")
ODD = PromptScenario("odd", "typos", "wrtie code")
HANG = Fault("provider_hang", "provider hangs", ("provider",))
POOLS = read_pools(SIMULATED)
BEFORE = (8, 12)


def test_every_scenario_is_run_with_every_seed() -> None:
    runs = list(plan_runs([BAD], [ODD], [HANG], regression_seeds=2, other_seeds=4))
    assert [(run.seed, run.mode) for run in runs if run.group == REGRESSION] == [
        (seed, mode) for seed in range(2) for mode in MODES
    ]
    assert [run.seed for run in runs if run.group == FAULT] == [0, 1, 2, 3]
    assert [run.mode for run in runs if run.group == CONTROL] == [*MODES, *MODES]


def test_regressions_can_be_run_with_one_history_alone() -> None:
    planned = plan_runs([BAD], [ODD], [], regression_seeds=2, other_seeds=2, modes=MODES[:1])
    modes = [(run.group, run.mode) for run in planned]
    assert modes == [
        (REGRESSION, MODES[0]),
        (CONTROL, MODES[0]),
        (REGRESSION, MODES[0]),
        (CONTROL, MODES[1]),
    ]


def test_the_same_run_has_the_same_traffic_and_another_seed_another() -> None:
    plans = [plan_steady(Run(CONTROL, ODD, seed), POOLS, before=BEFORE) for seed in (3, 3, 4)]
    assert plans[0] == plans[1] != plans[2]


@pytest.mark.parametrize("seed", range(20))
def test_healthy_traffic_has_only_what_the_good_prompt_does_well(seed: int) -> None:
    traffic = plan_healthy(Run(REGRESSION, BAD, seed, MODES[0]), POOLS, before=BEFORE, requests=40)
    assert len(traffic.after) == 40
    assert BEFORE[0] <= len(traffic.before) <= BEFORE[1]
    assert {*traffic.before, *traffic.after} <= set(POOLS.live)


@pytest.mark.parametrize("seed", range(20))
def test_steady_traffic_tempts_a_naive_healer(seed: int) -> None:
    traffic = plan_steady(Run(CONTROL, ODD, seed), POOLS, before=BEFORE, requests=20)
    assert len(traffic.after) == 20
    assert sum(text in POOLS.hard for text in traffic.after) >= LEAST_HARD_REQUESTS
    assert not set(traffic.before + traffic.after) & set(POOLS.held_out)


def test_a_flood_is_one_callers_garbage_among_healthy_requests() -> None:
    traffic = plan_flood(Run(FAULT, HANG, 0), POOLS, before=BEFORE)
    garbage = [text for text in traffic.after if text in POOLS.flood]
    assert len(garbage) == FLOOD_REQUESTS
    assert len(set(garbage)) <= 2
    assert set(traffic.after) - set(garbage) <= set(POOLS.live)


def test_no_request_comes_again_before_all_were_there() -> None:
    pools = Pools(("a", "b", "c"), ("d",), ("e",), ("f",))
    after = plan_healthy(Run(REGRESSION, BAD, 0, MODES[1]), pools, before=BEFORE, requests=6).after
    assert sorted(after[:3]) == sorted(after[3:]) == ["a", "b", "c"]


def test_a_title_names_the_run() -> None:
    assert Run(REGRESSION, BAD, 1, MODES[0]).title == "bad / with history / seed 1"
    assert Run(FAULT, HANG, 0).title == "provider_hang / seed 0"
