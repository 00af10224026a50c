"""CPU of one call of a chat model, by client: ours, and the stock one of LangChain.

The endpoint answers at once and in a process of its own, so that what is left is the client. Each
client is measured in fresh processes, in turns with the others; figures are medians.

examples:
  python -m benchmarks.decisions.model_clients
  python -m benchmarks.decisions.model_clients --rounds 9 --calls 1000 --json

The stock client is no dependency of this project. To measure it too, from the project's root:
  python3 -m venv /tmp/clients
  /tmp/clients/bin/pip install -r requirements/base.txt
  /tmp/clients/bin/pip install langchain-openai 'openai[aiohttp]'
  /tmp/clients/bin/python -m benchmarks.decisions.model_clients
"""

import argparse
import importlib
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
import uvloop
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableLambda
from rich.console import Console
from rich.table import Table

from benchmarks.instant_endpoint import CODER
from benchmarks.measured_system import MeasurementError, start_endpoint, stop
from benchmarks.own_ports import take_port

ROOT = Path(__file__).parents[2]
WARM_UP_CALLS = 50
MESSAGES = (
    SystemMessage("You are a Python code generator. Write complete, working Python code. " * 6),
    HumanMessage("Write a function to sort a list of integers.\n\nLanguage: Python."),
)

messages = Console(stderr=True)


def create_ours(base_url: str) -> BaseChatModel:
    """Create our client, as the services use it."""
    from services.common.llm.chat_completions import (  # noqa: PLC0415 - its import is measured
        ChatCompletionsModel,
    )

    return ChatCompletionsModel(base_url=base_url, model=CODER, seed=7)


def create_ours_observed(base_url: str) -> BaseChatModel:
    """Create our client with a callback that listens to every call, as a tracer would."""
    model = create_ours(base_url)
    model.callbacks = [AsyncCallbackHandler()]
    return model


def create_stock(base_url: str) -> BaseChatModel:
    """Create the stock client, as `init_chat_model` makes it."""
    return _create_stock(base_url)


def create_stock_on_aiohttp(base_url: str) -> BaseChatModel:
    """Create the stock client on the vendor's own aiohttp transport."""
    openai = importlib.import_module("openai")
    return _create_stock(base_url, http_async_client=openai.DefaultAioHttpClient())


def _create_stock(base_url: str, **more: Any) -> BaseChatModel:
    langchain_openai = importlib.import_module("langchain_openai")
    created: BaseChatModel = langchain_openai.ChatOpenAI(
        base_url=base_url, model=CODER, api_key="none", seed=7, **more
    )
    return created


@dataclass(frozen=True, slots=True)
class Client:
    """A client to measure.

    Attributes:
        name: What the table calls it.
        create: Creates it, given the endpoint's URL.
        package: What it needs.
        in_chain: Whether it is called as the Worker calls it, behind a link that makes messages.
    """

    name: str
    create: Callable[[str], BaseChatModel]
    package: str = "langchain_core"
    in_chain: bool = False


CLIENTS = {
    client.name: client
    for client in (
        Client("ours", create_ours),
        Client("ours, a callback listening", create_ours_observed),
        Client("ours, in a chain", create_ours, in_chain=True),
        Client("ChatOpenAI", create_stock, "langchain_openai"),
        Client("ChatOpenAI on aiohttp", create_stock_on_aiohttp, "langchain_openai"),
    )
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a client in CPU, time and memory.

    Attributes:
        call_cpu_ms: CPU a call.
        call_ms: Time a call, half of the calls taking no longer.
        start_cpu_seconds: CPU to import and make it, beyond what LangChain's core needs.
        memory_mb: Resident memory of a process that has only this client, in 10^6 bytes.
    """

    call_cpu_ms: float
    call_ms: float
    start_cpu_seconds: float
    memory_mb: float


async def _make_messages(messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    return messages


async def measure_client(client: Client, base_url: str, calls: int) -> Cost:
    """Measure a client in this process."""
    before_start = time.process_time()
    model = client.create(base_url)
    asked = RunnableLambda(_make_messages) | model if client.in_chain else model
    start_cpu_seconds = time.process_time() - before_start
    for _ in range(WARM_UP_CALLS):
        await asked.ainvoke(MESSAGES)
    latencies_ms = []
    before_calls = time.process_time()
    for _ in range(calls):
        started = time.perf_counter()
        await asked.ainvoke(MESSAGES)
        latencies_ms.append((time.perf_counter() - started) * 1000)
    call_cpu_ms = (time.process_time() - before_calls) / calls * 1000
    close = getattr(model, "aclose", None) or model.root_async_client.close  # type: ignore[attr-defined]
    await close()
    return Cost(
        call_cpu_ms=call_cpu_ms,
        call_ms=statistics.median(latencies_ms),
        start_cpu_seconds=start_cpu_seconds,
        memory_mb=psutil.Process().memory_info().rss / 1e6,
    )


def measure_in_a_process(name: str, base_url: str, calls: int) -> Cost:
    """Measure a client in a process of its own."""
    command = (
        sys.executable, "-m", "benchmarks.decisions.model_clients",
        "--calls", str(calls), "--measure", name, "--base-url", base_url,
    )  # fmt: skip
    finished = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return Cost(**json.loads(finished.stdout))


def measure_all(names: Sequence[str], *, rounds: int, calls: int) -> dict[str, Cost]:
    """Measure clients in turns; the median of each figure."""
    port = take_port()
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="selfheal-clients-") as directory:
        endpoint = start_endpoint(port, Path(directory))
        try:
            for number in range(1, rounds + 1):
                for name in names:
                    messages.print(f"round {number} of {rounds}: {name}, {calls} calls")
                    base_url = f"http://127.0.0.1:{port}/v1"
                    costs[name].append(measure_in_a_process(name, base_url, calls))
        finally:
            stop(endpoint)
    return {
        name: Cost(
            call_cpu_ms=statistics.median(cost.call_cpu_ms for cost in several),
            call_ms=statistics.median(cost.call_ms for cost in several),
            start_cpu_seconds=statistics.median(cost.start_cpu_seconds for cost in several),
            memory_mb=statistics.median(cost.memory_mb for cost in several),
        )
        for name, several in costs.items()
    }


def show(costs: dict[str, Cost]) -> None:
    """Print the costs as a table."""
    table = Table(title="One call of a chat model (medians)")
    for column in ("client", "CPU a call", "time a call", "CPU of its start", "memory"):
        table.add_column(column, justify="left" if column == "client" else "right")
    for name, cost in costs.items():
        table.add_row(
            name,
            f"{cost.call_cpu_ms:.2f} ms",
            f"{cost.call_ms:.2f} ms",
            f"{cost.start_cpu_seconds:.2f} s",
            f"{cost.memory_mb:.0f} MB",
        )
    Console().print(table)


def main() -> int:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decisions.model_clients",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=5, help="processes a client (default 5)")
    parser.add_argument("--calls", type=int, default=500, help="calls a process (default 500)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--measure", choices=CLIENTS, help=argparse.SUPPRESS)
    parser.add_argument("--base-url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(options.rounds, options.calls) < 1:
        parser.error("counts must be over 0")
    if options.measure:
        client = CLIENTS[options.measure]
        cost = uvloop.run(measure_client(client, options.base_url, options.calls))
        print(json.dumps(asdict(cost)))
        return 0
    present = [name for name, client in CLIENTS.items() if importlib.util.find_spec(client.package)]
    for name in CLIENTS.keys() - set(present):
        messages.print(f"{name}: not installed; `--help` says how to measure it")
    try:
        costs = measure_all(present, rounds=options.rounds, calls=options.calls)
    except MeasurementError as error:
        messages.print(f"error: {error}", markup=False)
        return 1
    if options.json:
        print(json.dumps({name: asdict(cost) for name, cost in costs.items()}, indent=2))
    else:
        show(costs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
