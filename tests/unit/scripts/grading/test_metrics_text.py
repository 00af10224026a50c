from grading.metrics_text import parse_metrics, select
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

NAMES = st.from_regex(r"\A[a-z]{1,8}_[a-z]{1,8}\Z")


@given(NAMES, st.text(max_size=20), st.floats(0, 1e9))
def test_what_the_common_client_writes_is_read(name: str, label: str, value: float) -> None:
    registry = CollectorRegistry()
    gauge = Gauge(name, "A gauge.", ["kind"], registry=registry)
    gauge.labels(kind=label.replace("\r", "").encode(errors="replace").decode()).set(value)
    (read,) = select(parse_metrics(generate_latest(registry).decode()), name).values()
    assert read == value


def test_times_of_creation_are_no_sign_of_life() -> None:
    registry = CollectorRegistry()
    Counter("agent_requests", "Requests.", registry=registry).inc()
    Histogram("agent_evaluation_score", "Scores.", registry=registry).observe(0.5)
    samples = parse_metrics(generate_latest(registry).decode())
    assert select(samples, "agent_requests_total") == {"agent_requests_total": 1.0}
    assert not any("_created" in name for name in select(samples, "agent_evaluation_score"))


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert all(isinstance(value, float) for value in parse_metrics(text).values())


def test_comments_times_and_what_is_no_number_are_passed_over() -> None:
    text = '# HELP a b\na{x="1 2"} 3 1700000000\nb two\n<html>\nc NaN\n'
    samples = parse_metrics(text)
    assert samples['a{x="1 2"}'] == 3.0
    assert set(samples) == {'a{x="1 2"}'}
