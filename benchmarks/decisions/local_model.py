"""The local model on this machine: its speed by threads, and what a language in a request does.

Speed: tokens a second with one and with two threads, on the machine as it is and beside a process
that keeps one core busy, in turns. Language: under the system prompt "Always answer in
JavaScript.", how many of six simple requests are answered in JavaScript as the user typed them,
and with the line that the refiner adds where it states a language.

examples:
  python -m benchmarks.decisions.local_model
  python -m benchmarks.decisions.local_model --rounds 10 --tokens 128
  python -m benchmarks.decisions.local_model --skip-language --json
"""

import argparse
import http.client
import json
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.measured_system import (
    MeasurementError,
    benchmark_environment,
    spawn,
    stop,
    wait_until_ready,
)
from benchmarks.own_ports import take_port
from selfheal.runtime import local_model
from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.runtime.ports import LOOPBACK
from services.common.config import Settings
from services.common.settings.model import LOCAL_PROVIDER
from services.manager.app.services.refinement.rules import refine

THREADS = (1, 2)
REPLY_TIMEOUT_SECONDS = 600.0
SYSTEM_PROMPT = "Always answer in JavaScript."
STATED_LANGUAGE = "Python"
REQUESTS = (
    "Write a function to reverse a string",
    "Write a function to sort a list",
    "Write a function that adds two numbers",
    "Write a function to check whether a number is even",
    "Write a function that returns the largest number of a list",
    "Write a function to count the vowels in a string",
)
FENCE = re.compile(r"^\s*```(\w*)", re.M)
LANGUAGE_OF_TAG = {"javascript": "javascript", "js": "javascript", "python": "python"}
FIRST_STATEMENT = re.compile(
    r"^\s*(?:(?P<javascript>function\s+\w+\s*\(|const\s|let\s)|(?P<python>def\s+\w+\s*\(|import\s))",
    re.M,
)

messages = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second that the model generated, over several replies."""

    median: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class LanguageCount:
    """Number of requests that were answered in each language."""

    javascript: int
    python: int
    neither: int


class ModelServer:
    """The local model, served as `selfheal up` does but for the number of threads."""

    def __init__(self, threads: int, directory: Path) -> None:
        self.port = take_port()
        self._log = directory / f"local-model-{self.port}.log"
        command = (
            sys.executable, "-m", "benchmarks.decisions.local_model",
            "--serve", str(self.port), "--threads", str(threads),
        )  # fmt: skip
        self.process = spawn(command, benchmark_environment(), self._log)

    def wait_until_ready(self) -> None:
        """Wait for the model to be loaded.

        Raises:
            MeasurementError: If it isn't.
        """
        wait_until_ready(self.process, f"http://{LOOPBACK}:{self.port}/health", self._log)

    def complete(self, system: str, request: str, *, most_tokens: int | None) -> dict[str, Any]:
        """Ask for an answer and return the reply, with the server's own timings.

        Raises:
            MeasurementError: If there is none.
        """
        body = {
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": request},
            ],
            "max_tokens": most_tokens,
            "temperature": 0,
            "seed": 7,
        }
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=REPLY_TIMEOUT_SECONDS)
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise MeasurementError(f"the local model answered HTTP {response.status}")
        reply: dict[str, Any] = json.loads(content)
        return reply


def serve(port: int, threads: int) -> None:
    """Serve the local model with this many threads until SIGTERM."""
    with mock.patch.object(local_model, "choose_threads", return_value=threads):
        local_model.serve(port)


@contextmanager
def busy_core() -> Iterator[None]:
    """Keep one core busy with a process that does nothing else."""
    spinning = psutil.Popen((sys.executable, "-c", "while True: pass"))
    try:
        yield
    finally:
        stop(spinning)


def measure_speeds(
    servers: dict[int, ModelServer], *, rounds: int, tokens: int
) -> dict[str, Speed]:
    """Generate in turns, so that what else the machine does falls on all alike."""
    system = "You are a Python code generator."
    speeds: dict[str, list[float]] = {}

    def generate(title: str, server: ModelServer, number: int) -> None:
        # Another request each time, or the server answers from its memory of the last prompt.
        request = f"{REQUESTS[number % len(REQUESTS)]}, and explain it step by step."
        reply = server.complete(system, request, most_tokens=tokens)
        speeds.setdefault(title, []).append(reply["timings"]["predicted_per_second"])

    for server in servers.values():
        server.complete(system, REQUESTS[0], most_tokens=tokens)
    for number in range(rounds):
        load = os.getloadavg()[0]
        messages.print(f"speed, round {number + 1} of {rounds} (load average {load:.1f})")
        for threads, server in servers.items():
            generate(f"{threads} thread(s)", server, number)
        with busy_core():
            for threads, server in servers.items():
                generate(f"{threads} thread(s), beside a busy core", server, number)
    return {
        title: Speed(statistics.median(several), min(several), max(several))
        for title, several in speeds.items()
    }


def language_of(answer: str) -> str:
    """Name the language of an answer's first code: `javascript`, `python`, or empty for neither."""
    fence = FENCE.search(answer)
    if fence and (language := LANGUAGE_OF_TAG.get(fence[1].lower())):
        return language
    statement = FIRST_STATEMENT.search(answer)
    return (statement.lastgroup or "") if statement else ""


def count_languages(server: ModelServer, stated: str) -> LanguageCount:
    """Answer all requests under the JavaScript prompt.

    Args:
        server: Answers.
        stated: Language that the refiner states; empty for none.
    """
    most_tokens = Settings(_env_file=None, llm_provider=LOCAL_PROVIDER).max_tokens
    languages = []
    for request in REQUESTS:
        refined = refine(request, task_type="code_generation", language=stated)
        reply = server.complete(SYSTEM_PROMPT, refined, most_tokens=most_tokens)
        languages.append(language_of(reply["choices"][0]["message"]["content"]))
    return LanguageCount(
        javascript=languages.count("javascript"),
        python=languages.count("python"),
        neither=languages.count(""),
    )


def measure(options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Measure all that the options ask for.

    Raises:
        MeasurementError: If the model doesn't serve.
    """
    report: dict[str, dict[str, Any]] = {"speed": {}, "language": {}}
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="selfheal-model-"))
        servers = {threads: ModelServer(threads, Path(directory)) for threads in THREADS}
        for server in servers.values():
            stack.callback(stop, server.process)
        for server in servers.values():
            server.wait_until_ready()
        if not options.skip_speed:
            speeds = measure_speeds(servers, rounds=options.rounds, tokens=options.tokens)
            report["speed"] = {title: asdict(speed) for title, speed in speeds.items()}
        if not options.skip_language:
            for title, stated in (("as typed", ""), ("with the line", STATED_LANGUAGE)):
                messages.print(f"language, requests {title}")
                report["language"][title] = asdict(count_languages(servers[1], stated))
    return report


def show(report: dict[str, dict[str, Any]], output: Console) -> None:
    """Print the report as tables."""
    if report["speed"]:
        speed = Table(title="Tokens a second")
        for column in ("", "median", "least", "most"):
            speed.add_column(column, justify="right" if column else "left")
        for title, figures in report["speed"].items():
            speed.add_row(title, *(f"{figures[name]:.0f}" for name in ("median", "least", "most")))
        output.print(speed)
    if report["language"]:
        language = Table(title=f'{len(REQUESTS)} requests under "{SYSTEM_PROMPT}"')
        for column in ("", "JavaScript", "Python", "neither"):
            language.add_column(column, justify="right" if column else "left")
        for title, counts in report["language"].items():
            full = f'{title} "Language: {STATED_LANGUAGE}."' if "line" in title else title
            language.add_row(
                full, *(str(counts[name]) for name in ("javascript", "python", "neither"))
            )
        output.print(language)


def main() -> int:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decisions.local_model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5, help="replies for each case (default 5)")
    parser.add_argument("--tokens", type=int, default=48, help="tokens of a reply (default 48)")
    parser.add_argument("--skip-speed", action="store_true", help="measure the languages only")
    parser.add_argument("--skip-language", action="store_true", help="measure the speed only")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(options.rounds, options.tokens) < 1:
        parser.error("counts must be over 0")
    try:
        if options.serve:
            serve(options.serve, options.threads)
            return 0
        local_model.require_wheels()
        report = measure(options)
    except EmbeddedRuntimeError as error:
        messages.print(f"error: {error.message} {error.remedy}", markup=False)
        return 1
    except MeasurementError as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        show(report, Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
