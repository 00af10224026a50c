"""The console in a real browser, on a real system with a night's story in it."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from support.running_system import GUIDE_INJECTION, RunningSystem, make_system

SCREENS = Path(__file__).parents[2] / "reports" / "console"
CODE_INPUTS = [
    "Write a function that reverses a string",
    "Write a function that returns the factorial of n",
    "Write a function that checks whether a number is prime",
    "Write a function that counts the vowels in a text",
    "Write a function that merges two sorted lists",
    "Write a function that returns the n-th Fibonacci number",
    "Write a function that checks whether a word is a palindrome",
    "Write a function that removes duplicates from a list",
]
# None of them may reach a page as markup, move the cursor, or turn the line around.
HOSTILE = "<script>document.title='HACKED'</script><img src=x onerror=alert(1)> \u202eevil \x1b[31m"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Story:
    """A system in which something happened, and what that left."""

    system: RunningSystem
    healed: str = ""
    proposed: str = ""
    request: str = ""
    hostile: str = ""
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.system.port('console')}"


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Play a night: healthy, a bad deploy, healed; another one, whose repair waits for a yes."""
    system = make_system(tmp_path_factory.mktemp("console"))
    system.environment.update(CONSOLE="on", WORKSHOP="1", OPTIMIZER_COOLDOWN_SECONDS="0")
    try:
        system.selfheal("up")
        yield _play(system)
    finally:
        system.selfheal("reset", "--yes")


def _play(system: RunningSystem) -> Story:
    system.selfheal("tasks", "enable", "json_extraction")
    for text in CODE_INPUTS:
        assert system.request(text).status == 200
    hostile = system.request(HOSTILE).json["request_id"]
    system.psql(GUIDE_INJECTION)
    for text in CODE_INPUTS[:5]:
        system.request(text)
    system.selfheal("optimize")
    request = system.request(CODE_INPUTS[0]).json["request_id"]
    system.psql(
        "UPDATE prompts SET is_active = FALSE WHERE task_type = 'json_extraction';"
        "INSERT INTO prompts (task_type, content, version, is_active, created_by)"
        " VALUES ('json_extraction', 'Just say hello.', 2, TRUE, 'kim')"
    )
    for number in range(6):
        system.request(f"Extract the name and the age: Ada is {30 + number}.", "json_extraction")
    system.environment["OPTIMIZER_MODE"] = "propose"
    system.selfheal("optimize")
    system.environment["OPTIMIZER_MODE"] = ""
    told = Story(system, request=request, hostile=hostile)
    told.healed = system.psql("SELECT id FROM selfheal.healing_runs WHERE decision = 'promoted'")
    told.proposed = system.psql("SELECT id FROM selfheal.healing_runs WHERE decision = 'proposed'")
    serving = system.psql(
        "SELECT id FROM prompts WHERE task_type = 'code_generation' AND is_active"
    )
    told.urls = {
        "now": "/",
        "requests": "/requests",
        "request": f"/requests/{request}",
        "hostile request": f"/requests/{hostile}",
        "prompts": "/prompts",
        "prompt": f"/prompts/{serving}",
        "comparison": f"/prompts/compare?from=1&to={serving}",
        "draft": f"/prompts/draft?from={serving}",
        "heals": "/heals",
        "heal": f"/heals/{told.healed}",
        "proposal": f"/heals/{told.proposed}",
        "task types": "/task-types",
        "task type": "/task-types/code_generation",
        "evaluator": "/evaluator",
        "keys": "/settings/keys",
        "people": "/settings/people",
        "message": "/settings/message",
        "condition": "/settings/condition",
        "audit": "/settings/audit",
        "workshop": "/workshop",
        "not found": "/nothing-is-here",
    }
    return told


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not program:
        pytest.fail("Chromium is needed: apt install chromium fonts-noto-cjk, or set CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, story: Story) -> Iterator[OpenPage]:
    """Open a page of the console; what the browser complains of fails the test at its end."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_it(path: str, *, width: int = 1280, **options: Any) -> Page:
        context = browser.new_context(
            base_url=story.base_url,
            viewport={"width": width, "height": 900},
            **{"locale": "en-US", "timezone_id": "Asia/Seoul", **options},
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{path}: {error}"))
        page.on(
            "console",
            lambda said: (
                complaints.append(f"{path}: {said.text}")
                if said.type == "error" and "status of 404" not in said.text
                else None
            ),
        )
        page.goto(path)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not complaints


def save_screen(page: Page, name: str) -> None:
    """Keep a picture of a whole page in the ignored folder of reports."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{quote(name)}.png", full_page=True)


def read_json(page: Page, script: str) -> Any:
    """Evaluate a script in a page, and read what it gives."""
    return json.loads(page.evaluate(f"JSON.stringify({script})"))
