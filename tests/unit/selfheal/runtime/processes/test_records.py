import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfheal.runtime.processes.records import ProcessRecord, ProcessSpec, parse_record

SPEC = ProcessSpec(
    name="worker",
    command=("python", "-m", "worker"),
    environment={"LLM_PROVIDER": "simulated", "DATABASE_URL": "postgresql://agent:s3cr3t@h/d"},
    ready_url="http://127.0.0.1:8001/health/ready",
    port=8001,
    port_setting="WORKER_PORT",
    withheld=frozenset({"LLM_API_KEY"}),
)
RECORD = ProcessRecord(
    name="worker",
    pid=42,
    create_time=1.5,
    command=("python", "-m", "worker"),
    address="127.0.0.1:8001",
    ready_url="http://127.0.0.1:8001/health/ready",
    started_at="2026-01-01T00:00:00+00:00",
    config_hash="0123456789abcdef",
)


@given(
    st.builds(
        ProcessRecord,
        name=st.text(),
        pid=st.integers(min_value=1, max_value=2**31 - 1),
        create_time=st.floats(allow_nan=False),
        command=st.lists(st.text()).map(tuple),
        address=st.text(),
        ready_url=st.text(),
        started_at=st.text(),
        config_hash=st.text(),
        was_ready=st.booleans(),
        stopping=st.booleans(),
    )
)
def test_a_record_is_read_as_it_was_written(record: ProcessRecord) -> None:
    assert parse_record(record.to_json()) == record


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_what_is_no_record_is_none(text: str) -> None:
    assert parse_record(text) is None


@pytest.mark.parametrize(
    "change",
    [
        {"pid": 0},
        {"pid": -1},
        {"pid": 2**31},
        {"pid": "42"},
        {"create_time": "now"},
        {"command": "python"},
    ],
)
def test_a_record_that_could_lead_to_a_wrong_process_is_none(change: dict[str, object]) -> None:
    assert parse_record(json.dumps({**json.loads(RECORD.to_json()), **change})) is None


def test_a_record_with_a_field_that_we_do_not_know_is_still_one() -> None:
    text = json.dumps({**json.loads(RECORD.to_json()), "future": 1})
    assert parse_record(text) == RECORD


def test_the_hash_changes_with_command_and_environment_only() -> None:
    other_model = replace(SPEC, environment={**SPEC.environment, "LLM_PROVIDER": "local"})
    other_command = replace(SPEC, command=(*SPEC.command, "--port", "1"))
    same = replace(SPEC, environment=dict(reversed(SPEC.environment.items())), name="x")
    assert len({SPEC.config_hash, other_model.config_hash, other_command.config_hash}) == 3
    assert same.config_hash == SPEC.config_hash


def test_a_child_gets_what_it_inherits_and_what_is_its_own_but_not_what_is_withheld() -> None:
    inherited = {"PATH": "/bin", "LLM_API_KEY": "key", "LLM_PROVIDER": "openai"}
    assert SPEC.child_environment(inherited) == {"PATH": "/bin", **SPEC.environment}


def test_a_spec_does_not_show_its_secrets() -> None:
    assert "s3cr3t" not in repr(SPEC)
