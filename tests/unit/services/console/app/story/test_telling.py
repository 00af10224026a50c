"""What is told of a replay beside what was logged."""

from services.common.evaluation_detail import EvaluationDetail, RuleDetail
from services.console.app.story.telling import pair_rules


def _findings(**outcomes: str) -> EvaluationDetail:
    rules = [RuleDetail(name=name, outcome=outcome) for name, outcome in outcomes.items()]
    return EvaluationDetail(rules=rules)


def test_rules_that_came_out_otherwise_are_paired() -> None:
    before = _findings(loads="failed", is_complete="passed", gone="passed")
    after = _findings(loads="passed", is_complete="passed", new="failed")
    pairs = [
        (name, old and old.outcome, new and new.outcome)
        for name, old, new in pair_rules(before, after)
    ]
    assert pairs == [
        ("loads", "failed", "passed"),
        ("gone", "passed", None),
        ("new", None, "failed"),
    ]
