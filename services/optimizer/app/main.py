"""The Optimizer: finds failing prompts, proves a repair, activates it; once, or until stopped."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any

import asyncpg
import uvloop
from pydantic import ValidationError

from services.common.config import OptimizerSettings, explain_settings_error
from services.common.errors import ServiceError
from services.common.logging import configure_logging, get_logger
from services.common.settings.process import USAGE_EXIT_CODE
from services.common.tracing.setup import configure_tracing, flush_telemetry
from services.optimizer.app.runs import optimize, preview, watch_continuously

SERVICE = "optimizer"
FAILURE_EXIT_CODE = 1

log = get_logger()


async def _watch_until_signalled(settings: OptimizerSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await watch_continuously(settings, stop=stop)


async def _run_until_terminated(work: Coroutine[Any, Any, object]) -> None:
    """Let SIGTERM cancel a run, as SIGINT does; each activation is a transaction of its own."""
    run = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, run.cancel)
    await run


def main(*arguments: str) -> None:
    """Run; exit 0 when healed, held or stopped, 1 when the run failed, 2 for a wrong setting."""
    parser = argparse.ArgumentParser(prog="python -m services optimizer", description=__doc__)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--watch", action="store_true", help="go on until SIGINT or SIGTERM")
    mode.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    options = parser.parse_args(arguments)
    try:
        settings = OptimizerSettings()
    except ValidationError as error:
        sys.stderr.write(explain_settings_error(error) + "\n")
        sys.exit(USAGE_EXIT_CODE)
    configure_logging(SERVICE, settings.log_level)
    configure_tracing(None, SERVICE, settings)
    try:
        if options.watch:
            uvloop.run(_watch_until_signalled(settings))
        elif options.dry_run:
            uvloop.run(_run_until_terminated(preview(settings)))
        else:
            uvloop.run(_run_until_terminated(optimize(settings)))
    except ServiceError as error:
        log.error("optimization_failed", code=error.code, message=error.message)
        sys.exit(FAILURE_EXIT_CODE)
    except asyncpg.PostgresError as error:
        log.error("optimization_failed", code="database_error", message=type(error).__name__)
        sys.exit(FAILURE_EXIT_CODE)
    except (KeyboardInterrupt, asyncio.CancelledError):
        log.warning("optimization_interrupted")
        sys.exit(FAILURE_EXIT_CODE)
    finally:
        flush_telemetry()


if __name__ == "__main__":
    main(*sys.argv[1:])
