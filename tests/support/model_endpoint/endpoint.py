"""Serves the simulated model as an OpenAI-compatible HTTP endpoint that can be told to fail.

A request chooses its own fault with the header X-Fault; POST /faults with
`{"kind": "reset", "count": 3}` makes the next three requests fail.
"""

import argparse
import random

from aiohttp import web
from support.model_endpoint.application import create_application
from support.model_endpoint.faults import Fault, FaultPlan

SHUTDOWN_SECONDS = 1.0


def main() -> None:
    """Serve on a free port until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fault", type=Fault, help="how every request fails")
    fault = parser.parse_args().fault
    faults = FaultPlan(fault, 1.0, random.Random(0))
    web.run_app(
        create_application(faults=faults, latency_ms=0),
        host="127.0.0.1",
        port=0,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )


if __name__ == "__main__":
    main()
