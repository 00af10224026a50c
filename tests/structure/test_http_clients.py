"""Keeps HTTP clients in the places that know when a proxy may be asked."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("services", "selfheal", "scripts", "simulated_model", "deploy")
CLIENTS = {
    "ClientSession", "HTTPConnection", "HTTPSConnection", "PoolManager", "Session",
    "build_opener", "urlopen",
}  # fmt: skip
HOMES = {
    "scripts/grading/http.py": "build_opener",
    "selfheal/manager_client.py": "build_opener",
    "selfheal/runtime/processes/readiness.py": "HTTPConnection",
    "services/common/http.py": "ClientSession",
    "services/common/tracing/sdk.py": "Session",
}


def find_clients() -> dict[str, str]:
    """Return the modules that make an HTTP client, each with the name of what it calls."""
    return {
        path.relative_to(ROOT).as_posix(): name
        for folder in FOLDERS
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (name := getattr(node.func, "attr", getattr(node.func, "id", ""))) in CLIENTS
    }


def test_no_client_is_made_elsewhere() -> None:
    assert find_clients() == HOMES
