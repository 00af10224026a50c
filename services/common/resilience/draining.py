"""Ends a service so that nobody notices: unready first, then deaf, and gone when all is answered.

What balances load needs a moment to see that a replica is unready, and sends it work meanwhile.
"""

import asyncio
import sys
from types import FrameType

import uvicorn
from fastapi import FastAPI

STOPPING = "It is being stopped."
LOOK_SECONDS = 0.1
STARTUP_FAILURE_EXIT_CODE = 3


def find_stopping(app: FastAPI) -> str:
    """Say that an application is being stopped; empty where it isn't."""
    return STOPPING if getattr(app.state, "is_stopping", False) else ""


class DrainingServer(uvicorn.Server):
    """A server that SIGTERM and Ctrl-C end in order, with exit code 0; a second one at once.

    Args:
        config: What it serves and how; its grace time is for what is under way.
        app: The application, which is told in its state that it is being stopped.
        drain_seconds: How long new requests are still taken once it says that it isn't ready.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI, *, drain_seconds: float) -> None:
        super().__init__(config)
        self._app = app
        self._drain_seconds = drain_seconds

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        """Begin to stop; uvicorn would end by the signal, which counts as a failure."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def main_loop(self) -> None:
        """Serve until it is to stop, and then until nobody sends it anything new."""
        await super().main_loop()
        self._app.state.is_stopping = True
        self._say_that_connections_close()
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._drain_seconds
        # A signal handler says that it is enough, and can wake nobody.
        while loop.time() < ends_at and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)

    def _say_that_connections_close(self) -> None:
        """Have clients open another connection, to another replica, for their next request."""
        self.server_state.default_headers = [
            *self.server_state.default_headers,
            (b"connection", b"close"),
        ]
        for connection in self.server_state.connections:
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_complete:
                cycle.keep_alive = False


def run(app: FastAPI, config: uvicorn.Config, *, drain_seconds: float) -> None:
    """Serve an application until SIGTERM or Ctrl-C; where it can't start, the process ends."""
    server = DrainingServer(config, app, drain_seconds=drain_seconds)
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE_EXIT_CODE)
