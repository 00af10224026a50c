"""OpenTelemetry, switched on by its standard variables, through all services."""

import json
from pathlib import Path

from support.running_system import make_system


def test_one_trace_runs_through_all_services_and_is_sent_before_they_stop(tmp_path: Path) -> None:
    system = make_system(tmp_path)
    system.environment["OTEL_TRACES_EXPORTER"] = "console"
    try:
        system.selfheal("up")
        system.request("Write a binary search function")
        traces = set()
        for service in ("manager", "worker", "evaluator"):
            lines = system.selfheal("logs", "--service", service).stdout.splitlines()
            events = [json.loads(line) for line in lines if line.startswith("{")]
            traces |= {event["trace_id"] for event in events if "trace_id" in event}
        assert len(traces) == 1
        system.selfheal("down")
        log = (tmp_path / ".selfheal" / "logs" / "manager.log").read_text()
        assert '"name": "POST /api/v1/request"' in log
        assert f'"trace_id": "0x{traces.pop()}"' in log
    finally:
        system.selfheal("reset", "--yes")
