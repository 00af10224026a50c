"""No service that Python begins goes on without looking for garbage."""

import asyncio
import gc
import importlib
import sys
from collections.abc import Callable
from unittest.mock import DEFAULT, Mock, patch

import pytest
from fastapi import FastAPI

import services
from services.common import web
from services.common.config import WorkerSettings
from services.optimizer.app import main as optimizer


def serve() -> None:
    with patch.multiple(web, configure_logging=DEFAULT, allow_open_files=DEFAULT):
        web.serve("worker", WorkerSettings, lambda _: FastAPI())


def optimize() -> None:
    with patch.multiple(optimizer, configure_logging=DEFAULT, optimize=Mock()):
        optimizer.main()


@pytest.mark.parametrize(
    ("begin", "runs"),
    [(serve, "services.common.resilience.draining.run"), (optimize, "uvloop.run")],
)
def test_garbage_is_looked_for_once_all_is_loaded(begin: Callable[[], None], runs: str) -> None:
    found = []

    def look(work: object, *_: object, **__: object) -> None:
        found.append((gc.isenabled(), gc.get_freeze_count()))
        if asyncio.iscoroutine(work):
            work.close()

    try:
        with patch.object(sys, "argv", ["-m"]):
            importlib.reload(services)
        assert not gc.isenabled()
        with patch(runs, look):
            begin()
    finally:
        gc.enable()
        gc.unfreeze()
    [(is_enabled, frozen)] = found
    assert is_enabled
    assert frozen > 0
