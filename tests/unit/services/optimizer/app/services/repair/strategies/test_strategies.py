"""The registry of strategies: their order is that of trust, and their names are their own."""

from services.optimizer.app.services.repair.strategies import STRATEGIES


def test_strategies_are_tried_in_the_order_of_trust() -> None:
    assert list(STRATEGIES) == [
        "last_good_version",
        "without_offending_lines",
        "reflection",
        "corrected_incumbent",
        "rebuilt_from_rules",
        "few_shot",
        "gepa_search",
    ]


def test_each_has_the_name_of_its_function() -> None:
    for name, strategy in STRATEGIES.items():
        assert strategy.__name__ == name
