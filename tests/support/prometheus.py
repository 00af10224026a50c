"""A Prometheus of Debian's that scrapes what a test exposes, and is gone afterwards."""

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from support.http_server import JsonHandler, serving

from services.common.metrics import ServiceMetrics

INTERVAL = "250ms"
PATIENCE_SECONDS = 60
POLL_SECONDS = 0.05
READY = re.compile(r'Listening on" address=127\.0\.0\.1:(\d+).*Server is ready', re.S)
PROGRAMS = ("promtool", "prometheus")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]

Found = TypeVar("Found")


@contextmanager
def expose(metrics: ServiceMetrics) -> Iterator[str]:
    """Serve a service's metrics, at the guide's path alone; gives the address."""

    class Handler(JsonHandler):
        def do_GET(self) -> None:
            status = 200 if self.path == "/metrics/" else 404
            self.answer(status, metrics.render(), "text/plain; version=0.0.4; charset=utf-8")

    with serving(Handler) as url:
        yield url.removeprefix("http://")


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that runs, and the addresses of what it scrapes."""

    port: int
    targets: dict[str, list[str]]

    def ask(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}"
        with urllib.request.urlopen(url, timeout=10) as response:
            return json.loads(response.read())["data"]

    def query(self, expression: str) -> dict[str, float]:
        """The values of an expression by target."""
        result = self.ask("query", query=expression)["result"]
        return {one["metric"]["instance"]: float(one["value"][1]) for one in result}

    def firing(self) -> dict[str, dict[str, Any]]:
        alerts = self.ask("alerts")["alerts"]
        return {one["labels"]["alertname"]: one for one in alerts if one["state"] == "firing"}


def wait_for(look: Callable[[], Found | None], what: str) -> Found:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_SECONDS} s"
        time.sleep(POLL_SECONDS)


@contextmanager
def run_prometheus(configuration: Path, targets: dict[str, list[str]]) -> Iterator[Prometheus]:
    folder = configuration.parent
    log = folder / "log"
    command = [
        "prometheus",
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
    ]
    with log.open("wb") as output, subprocess.Popen(command, stderr=output) as process:
        try:
            found = wait_for(lambda: READY.search(log.read_text()), "Prometheus' start")
            yield Prometheus(int(found[1]), targets)
        finally:
            process.terminate()
            process.wait(timeout=30)
