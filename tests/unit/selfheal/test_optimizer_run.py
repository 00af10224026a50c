"""What a run of the Optimizer tells a person."""

from selfheal.optimizer_run import OptimizerRun, describe_event


def test_an_event_is_its_name_and_its_fields() -> None:
    event = {"event": "candidate_screened", "level": "info", "strategy": "rebuilt", "wins": 5}
    assert describe_event(event) == "candidate_screened  strategy=rebuilt  wins=5"


def test_long_fields_are_shortened_but_messages_kept_whole() -> None:
    sentence = "both need the same token, " * 10
    event = {"event": "optimization_failed", "message": sentence, "held": {"letters": sentence}}
    described = describe_event(event)
    assert f"message={sentence}" in described
    assert len(described) < len(sentence) + 140


def test_the_last_event_of_a_name_is_found() -> None:
    run = OptimizerRun(0, [{"event": "a", "n": 1}, {"event": "b"}, {"event": "a", "n": 2}])
    assert run.find("a") == {"event": "a", "n": 2}
    assert run.find("c") is None


def test_whose_fault_it_is_is_told_with_the_first_reason_in_full() -> None:
    reason = "The prompt that served before passes the same inputs when it is run again. " * 2
    event = {
        "event": "failures_attributed",
        "task_type": "letters",
        "verdict": "prompt",
        "because": [reason, "another"],
    }
    assert describe_event(event) == (
        f"failures_attributed  task_type=letters  verdict=prompt  because: {reason}"
    )
    assert describe_event({"event": "failures_attributed", "because": 3}) == "failures_attributed"
