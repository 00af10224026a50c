"""What telling of an answer costs: CPU of what is told, and of its export over HTTP.

Each figure is the least of several runs. The collector takes what it gets in a process of its own.
HTTP and SQL have their instrumentations beside this; they are not in the figures.

examples:
  python -m benchmarks.decisions.tracing
  python -m benchmarks.decisions.tracing --runs 9 --calls 500
"""

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.table import Table

from services.common.config import Settings
from services.common.schemas import EvaluationResponse
from services.common.tracing.evaluation import evaluating, invoking_agent
from services.common.tracing.inference import asking_about, belonging_to, inferring
from services.common.tracing.sdk import make_providers
from services.common.tracing.telemetry import OFF, Figures, Signal, Telemetry, switch

SPEC = "openai:gpt-9"
REQUEST = {"messages": [{"role": "user", "content": "Sort a list. " * 20}], "temperature": 0}
USAGE = {"prompt_tokens": 80, "completion_tokens": 200}
WHOLE = {
    "id": "chatcmpl-1",
    "model": "gpt-9-2026",
    "choices": [{"message": {"content": "x" * 1000}, "finish_reason": "stop"}],
    "usage": USAGE,
}
CHUNKS: list[dict[str, Any]] = [
    *({"choices": [{"index": 0, "delta": {"content": "hello"}}]} for _ in range(200)),
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE},
]
EVALUATION = EvaluationResponse(
    request_id=UUID(int=1),
    score=0.5,
    passed=False,
    detail={
        "rules": [{"name": "examples", "outcome": "failed", "reason": "It gave 3."}],
        "judge": {"name": "openai:gpt-9", "reason": "It sorts nothing."},
        "evaluator": {"fingerprint": "f1"},
    },
)
# What each column has on: signals, and where content is.
COLUMNS: dict[str, tuple[tuple[Signal, ...], str]] = {
    "off": ((), OFF.content),
    "traces and events": (("traces", "logs"), OFF.content),
    "and metrics": (("traces", "logs", "metrics"), OFF.content),
    "content on spans, no metrics": (("traces", "logs"), "SPAN_ONLY"),
}


def tell_whole() -> None:
    """Tell of a call whose answer comes whole."""
    with asking_about("code_generation", 3), inferring(SPEC, REQUEST) as inference:
        with belonging_to(inference):
            pass
        if inference:
            inference.reply = WHOLE


def tell_stream() -> None:
    """Tell of a call whose answer comes in pieces."""
    with (
        asking_about("code_generation", 3),
        inferring(SPEC, REQUEST, is_stream=True) as inference,
    ):
        for chunk in CHUNKS:
            if inference:
                inference.tell_chunk(chunk)


def tell_answer() -> None:
    """Tell what a Manager tells of an answer and its score."""
    with invoking_agent("code_generation") as agent:
        agent.tell_prompt(3)
    with evaluating("code_generation", agent.trace_parent) as tell:
        tell(EVALUATION)


ROWS: dict[str, Callable[[], None]] = {
    "a model's whole answer of 1 kB": tell_whole,
    "a streamed answer of 202 events": tell_stream,
    "the Manager's share: invoke_agent, evaluate, the event": tell_answer,
}


class Collector(BaseHTTPRequestHandler):
    """Takes whatever comes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read it, and thank."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


def collect(pipe: Connection) -> None:
    """Run a collector; its port goes into the pipe."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    pipe.send(server.server_port)
    server.serve_forever()


def measure(column: str, tell: Callable[[], None], runs: int, calls: int) -> float:
    """Return the CPU of one call in µs, its export included."""
    signals, content = COLUMNS[column]
    made = make_providers("benchmark", Settings(_env_file=None), signals)
    if made:
        figures = Figures(made["metrics"].get_meter("b")) if "metrics" in made else None
        tracer, logger = made["traces"].get_tracer("b"), made["logs"].get_logger("b")
        switch(Telemetry(tracer, figures, logger, content))
    least = float("inf")
    for _ in range(runs + 1):
        before = time.process_time()
        for _ in range(calls):
            tell()
        for provider in made.values():
            provider.force_flush()
        least = min(least, (time.process_time() - before) / calls * 1e6)
    switch(OFF)
    for provider in made.values():
        provider.shutdown()
    return least


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurement."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decisions.tracing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each figure (default: 5)")
    parser.add_argument("--calls", type=int, default=200, help="calls a run (default: 200)")
    options = parser.parse_args(arguments)
    here, there = multiprocessing.Pipe()
    collector = multiprocessing.get_context("spawn").Process(
        target=collect, args=(there,), daemon=True
    )
    collector.start()
    os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{here.recv()}"
    os.environ["NO_PROXY"] = "127.0.0.1"
    table = Table("CPU a call, µs", *COLUMNS)
    for name, tell in ROWS.items():
        figures = [measure(column, tell, options.runs, options.calls) for column in COLUMNS]
        table.add_row(name, *(f"{figure:.0f}" for figure in figures))
    collector.terminate()
    Console(width=120).print(table)
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
