"""Serves the simulated model as an OpenAI-compatible HTTP endpoint, with faults on demand."""

import argparse
import asyncio
import random
import sys
from collections.abc import Callable, Sequence

from aiohttp import web

from services.common.llm.simulated.endpoint_application import create_application
from services.common.llm.simulated.endpoint_faults import Fault, FaultPlan

__all__ = ["create_application", "main"]

DEFAULT_PORT = 8010
MAX_LATENCY_MS = 600_000
SHUTDOWN_SECONDS = 1.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    options = _parse(arguments)
    fault = Fault(options.fault) if options.fault else None
    generator = random.Random(options.seed)  # noqa: S311 - picks which requests fail
    web.run_app(
        create_application(
            faults=FaultPlan(fault, options.fault_rate, generator), latency_ms=options.latency_ms
        ),
        host=options.host,
        port=options.port,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_SECONDS,
        loop=_new_event_loop(),
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m services.common.llm.simulated.endpoint",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"""example:
  python -m services.common.llm.simulated.endpoint --port {DEFAULT_PORT} --fault rate_limit \\
      --fault-rate 0.2
  LLM_PROVIDER=openai LLM_BASE_URL=http://127.0.0.1:{DEFAULT_PORT}/v1 selfheal up

A request chooses its own fault with the header X-Fault; POST /faults with
{{"kind": "reset", "count": 3}} makes the next three requests fail.""",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument(
        "--port", type=_number(int, 0, 65535), default=DEFAULT_PORT, help="(default: %(default)s)"
    )
    parser.add_argument(
        "--latency-ms",
        type=_number(float, 0, MAX_LATENCY_MS),
        default=0,
        help="pause before each answer, in milliseconds (default: none)",
    )
    parser.add_argument("--fault", choices=[fault.value for fault in Fault], help="how to fail")
    parser.add_argument(
        "--fault-rate",
        type=_number(float, 0, 1),
        default=1.0,
        help="share of the requests that fail, from 0 to 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="decides which requests fail (default: %(default)s)"
    )
    return parser.parse_args(arguments)


def _number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    """A reader of numbers within bounds, for argparse."""

    def number(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least:g} and {most:g}")
        return value

    return number


def _new_event_loop() -> asyncio.AbstractEventLoop:
    """A uvloop where there is one: it halves the cost of a request."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop  # noqa: PLC0415

    return uvloop.new_event_loop()


if __name__ == "__main__":
    main()
