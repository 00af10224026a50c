"""Grades a system of `benchmark_mutants` with the benchmark, as users run it."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
from benchmark_mutants import optimizer
from benchmark_mutants.catalogue import Case
from benchmark_mutants.system import Servers
from benchmark_mutants.tables import Tables

ROOT = Path(__file__).parents[2]
BENCHMARK = ROOT / "scripts" / "benchmark.py"
SCHEMA = ROOT / "tests" / "integration" / "db" / "guide_schema.sql"
OPTIMIZER = Path(optimizer.__file__)


def grade(case: Case, name: str, server_url: str, folder: Path, *flags: str) -> dict[str, Any]:
    """Grade a system, which gets a database of its own, and return the report."""
    url = asyncio.run(_create_database(server_url, f"m_{name}"))
    servers = Servers(case.make(Tables(url)), down=case.down)
    command = (
        *(sys.executable, str(BENCHMARK), "--json", "--output-dir", str(folder)),
        *(f"--{service}-url={address}" for service, address in servers.urls.items()),
        "--optimizer-command",
        shlex.join([sys.executable, str(OPTIMIZER), url, case.optimizer]),
        f"--optimizer-timeout={case.optimizer_timeout}",
        *flags,
    )
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        servers.close()
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def lost(report: dict[str, Any]) -> dict[str, set[str]]:
    """List the codes of the deductions, by dimension."""
    found: dict[str, set[str]] = {}
    for dimension in report["dimensions"]:
        codes = {one["code"] for one in dimension["deductions"]}
        assert (dimension["points"] < dimension["max_points"]) is bool(codes)
        if codes:
            found[dimension["name"]] = codes
    return found


def proven(report: dict[str, Any]) -> set[str]:
    """List the codes of what cheating was proven."""
    return {one["code"] for one in report["cheating"]}


async def _create_database(server_url: str, name: str) -> str:
    url = server_url.rpartition("/")[0] + f"/{name}"
    connection = await asyncpg.connect(server_url)
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name}")
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(SCHEMA.read_text(encoding="utf-8"))
    finally:
        await connection.close()
    return url
