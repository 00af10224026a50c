"""The system that faults are put on, and what is written of them. Not collected by `make test`."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import pytest_asyncio
from faults.fault import Row
from faults.matrix import FAULTS, choose, read_commit, render
from faults.site import Site, open_site

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "reports" / "faults.json"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chosen", action="store_true", help="the ten cheapest, and three more")
    parser.addoption("--record", type=Path, help="Markdown file to write the matrix to")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "fault" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--chosen")
        faults = choose(FAULTS, read_commit(ROOT)) if chosen else FAULTS
        metafunc.parametrize("fault", faults, ids=[fault.name for fault in faults])


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with open_site(tmp_path_factory.mktemp("faults")) as site:
        yield site


@pytest.fixture(scope="session")
def rows(pytestconfig: pytest.Config) -> Iterator[list[Row]]:
    """Collect what came of each fault; at the end the matrix is written."""
    rows: list[Row] = []
    yield rows
    table = render(rows)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    if record := pytestconfig.getoption("--record"):
        record.write_text(table)
    pytestconfig.get_terminal_writer().line("\n" + table)
