"""The pages that are measured, and how long each takes."""

import gzip
import time
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from statistics import quantiles

import asyncpg
import httpx

# One of each kind for the pages that show one: the latest.
SELECT_EXAMPLES = """
    SELECT (SELECT request_id FROM selfheal.conversations ORDER BY execution_id DESC LIMIT 1)
               AS request_id,
           (SELECT task_type FROM prompts WHERE is_active ORDER BY id DESC LIMIT 1) AS task_type,
           (SELECT max(id) FROM prompts WHERE is_active) AS prompt_id,
           (SELECT id FROM selfheal.healing_runs WHERE decision = 'promoted'
            ORDER BY created_at DESC LIMIT 1) AS run_id
"""
PAGES = (
    "/",
    "/?span=30d",
    "/requests",
    "/requests?text=sorts",
    "/requests?text=nobody+wrote+this",
    "/requests?outcome=failed",
    "/requests/{request_id}",
    "/prompts",
    "/prompts?task_type={task_type}",
    "/prompts/{prompt_id}",
    "/heals",
    "/heals/{run_id}",
    "/task-types",
    "/task-types/{task_type}",
    "/evaluator",
    "/settings/condition",
    "/settings/audit",
)
OK = 200
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class PageFigures:
    """What a page took.

    Attributes:
        status: Of HTTP; times of another than 200 mean nothing.
        p50_ms: Half of the requests took no longer; one after another, over loopback.
        html_bytes: Size of the page itself, as it is.
        asset_bytes: Compressed size of all scripts and styles that it loads.
    """

    path: str
    status: int
    p50_ms: float
    p95_ms: float
    html_bytes: int
    asset_bytes: int


class _AssetFinder(HTMLParser):
    """Collects the addresses of scripts and style sheets."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_style = tag == "link" and "stylesheet" in (given.get("rel") or "")
        address = given.get("href" if is_style else "src")
        if (is_style or tag == "script") and address:
            self.found.append(address)


async def find_paths(connection: asyncpg.Connection) -> list[str]:
    """Put the examples into the paths."""
    (examples,) = await connection.fetch(SELECT_EXAMPLES)
    return [path.format(**examples) for path in PAGES]


def find_assets(html: str) -> list[str]:
    """List the scripts and style sheets of a page."""
    finder = _AssetFinder()
    finder.feed(html)
    return finder.found


def measure_pages(base_url: str, paths: list[str], *, requests: int) -> list[PageFigures]:
    """Ask for each page many times, after once to warm up."""
    with httpx.Client(base_url=base_url, timeout=TIMEOUT_SECONDS) as client:
        return [_measure(client, path, requests) for path in paths]


def _measure(client: httpx.Client, path: str, requests: int) -> PageFigures:
    answer = client.get(path)
    times = []
    for _ in range(requests):
        began = time.perf_counter()
        client.get(path)
        times.append(1000 * (time.perf_counter() - began))
    assets = {address: client.get(address) for address in find_assets(answer.text)}
    return PageFigures(
        path,
        answer.status_code,
        percentile(times, 50),
        percentile(times, 95),
        len(answer.content),
        _compressed_bytes(assets),
    )


def percentile(times: list[float], share: int) -> float:
    """Return the time that so many percent didn't exceed."""
    return quantiles(times, n=100, method="inclusive")[share - 1]


def _compressed_bytes(answers: Mapping[str, httpx.Response]) -> int:
    return sum(len(gzip.compress(answer.content)) for answer in answers.values())
