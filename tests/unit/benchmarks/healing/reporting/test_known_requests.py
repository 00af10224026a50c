from benchmarks.healing.inputs import SIMULATED, read_pools
from benchmarks.healing.reporting.intervals import Rate
from benchmarks.healing.reporting.known_requests import count_known

POOLS = read_pools(SIMULATED)


def test_it_is_counted_how_many_inputs_the_simulated_model_knows() -> None:
    known = count_known()
    assert known["live"] == Rate(len(POOLS.live), len(POOLS.live))
    assert known["held out"].total == len(POOLS.held_out)
    assert 0 < known["golden"].count < known["golden"].total
