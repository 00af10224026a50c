"""Rules that every source file keeps: who reads the environment, and what an import may do."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = sorted((ROOT / "services").rglob("*.py"))
READS_THE_ENVIRONMENT = ROOT / "services" / "common" / "settings" / "process.py"
FORBIDDEN_NAMES = {"environ", "environb", "getenv", "getenvb", "putenv", "load_dotenv"}
FORBIDDEN_MODULES = {"dotenv", "pydantic_settings"}


def reads_of_the_environment(source: str) -> list[str]:
    """Every way in which a source gets at environment variables, as `line: what`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_NAMES:
            found.append(f"{node.lineno}: {node.attr}")
        elif isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
            found.append(f"{node.lineno}: {node.id}")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names = [alias.name for alias in node.names]
            if FORBIDDEN_NAMES & set(names) or FORBIDDEN_MODULES & {
                name.partition(".")[0] for name in (*modules, *names)
            }:
                found.append(f"{node.lineno}: import")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['A']",
        "import os as o\no.getenv('A')",
        "from os import environ",
        "from os import getenv as read",
        "import dotenv",
        "from pydantic_settings import BaseSettings",
    ],
)
def test_a_read_of_the_environment_is_seen(source: str) -> None:
    assert reads_of_the_environment(source)


def test_only_the_settings_read_the_environment() -> None:
    readers = [path for path in SOURCES if reads_of_the_environment(path.read_text("utf-8"))]
    assert readers == [READS_THE_ENVIRONMENT]


# Imports every module under an audit hook that notes what only I/O does.
IMPORT_ALL = """
import json, sys
noted = []
WATCHED = {"socket.connect", "subprocess.Popen", "os.mkdir", "os.remove"}

def watch(event, arguments):
    if event in WATCHED or (event == "open" and set(str(arguments[1])) & set("wax+")):
        noted.append([event, str(arguments[0])])

modules = json.loads(sys.argv[1])
sys.addaudithook(watch)
for module in modules:
    __import__(module)
print(json.dumps(noted))
"""


def test_importing_a_module_reaches_for_nothing() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in SOURCES
    ]
    finished = subprocess.run(
        [sys.executable, "-B", "-c", IMPORT_ALL, json.dumps(modules)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(finished.stdout) == []
