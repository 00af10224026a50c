"""The console in a real browser, on a real system with a night's story in it."""

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

from .person import Person

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
PASSWORD = "correct horse battery"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


FRIENDLY = "Just say hello"
SELECT_SERVING = """
    SELECT {column} FROM prompts WHERE is_active AND task_type = '{task_type}'
    ORDER BY version DESC LIMIT 1
"""
BREAK_PROMPT = f"""
    UPDATE prompts SET is_active = FALSE WHERE task_type = 'json_extraction';
    INSERT INTO prompts (task_type, content, version, is_active, created_by)
    SELECT 'json_extraction', '{FRIENDLY} ' || max(version) || ' times.', max(version) + 1, TRUE,
           'kim'
    FROM prompts WHERE task_type = 'json_extraction'
"""


@dataclass
class Story:
    """A system in which something happened, and what that left."""

    system: RunningSystem
    healed: str = ""
    request: str = ""
    hostile: str = ""
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.system.port('console')}"

    def serving(self, task_type: str, column: str = "version") -> str:
        """Read something of the prompt that serves."""
        return self.system.psql(SELECT_SERVING.format(column=column, task_type=task_type))

    def break_prompt(self) -> None:
        """Put a prompt there that nothing good comes of, as somebody does with SQL.

        It differs each time: what was undone isn't tried again in place of the same text.
        """
        self.system.psql(BREAK_PROMPT)

    def fail_requests(self) -> None:
        """Have requests of json_extraction fail, by a prompt that nothing good comes of."""
        self.break_prompt()
        for number in range(6):
            self.system.request(
                f"Extract the name and the age: Ada is {30 + number}.", "json_extraction"
            )

    def optimize(self, mode: str = "") -> None:
        """Let an Optimizer run once."""
        self.system.environment["OPTIMIZER_MODE"] = mode
        self.system.selfheal("optimize")
        self.system.environment["OPTIMIZER_MODE"] = ""

    def find_proposal(self) -> str:
        """Return the run of json_extraction that waits; have one made if none does."""
        if run := self._latest("proposed"):
            return run
        self.fail_requests()
        self.optimize("propose")
        run = self._latest("proposed")
        assert run, "no repair was proposed"
        return run

    def _latest(self, decision: str) -> str:
        return self.system.psql(
            "SELECT id FROM selfheal.healing_runs"
            f" WHERE decision = '{decision}' AND resolution IS NULL AND requested_by IS NULL"
            " ORDER BY created_at DESC LIMIT 1"
        )


def start_system(directory: Path) -> RunningSystem:
    system = make_system(directory)
    system.environment.update(CONSOLE="on", WORKSHOP="1", OPTIMIZER_COOLDOWN_SECONDS="0")
    system.selfheal("up")
    system.selfheal("tasks", "enable", "json_extraction")
    return system


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Play a night: healthy, a bad deploy, healed; another one, whose repair waits for a yes."""
    system = start_system(tmp_path_factory.mktemp("console"))
    try:
        yield _play(system)
    finally:
        system.selfheal("reset", "--yes")


@pytest.fixture(scope="session")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Start a system that people sign in to: alice, who administers it, and bob, a viewer."""
    system = start_system(tmp_path_factory.mktemp("staffed"))
    try:
        told = Story(system)
        told.find_proposal()
        told.request = system.request(CODE_INPUTS[0]).json["request_id"]
        for name, role in (("alice", "admin"), ("bob", "viewer")):
            create = ("users", "create", name, "--role", role, "--password-stdin")
            system.selfheal(*create, typed=PASSWORD)
        yield told
    finally:
        system.selfheal("reset", "--yes")


def _play(system: RunningSystem) -> Story:
    told = Story(system)
    for text in CODE_INPUTS:
        assert system.request(text).status == 200
    told.hostile = system.request(HOSTILE).json["request_id"]
    system.psql(GUIDE_INJECTION)
    for text in CODE_INPUTS[:5]:
        system.request(text)
    told.optimize()
    told.request = system.request(CODE_INPUTS[0]).json["request_id"]
    told.healed = system.psql("SELECT id FROM selfheal.healing_runs WHERE decision = 'promoted'")
    proposed = told.find_proposal()
    serving = told.serving("code_generation", "id")
    told.urls = {
        "now": "/",
        "requests": "/requests",
        "request": f"/requests/{told.request}",
        "hostile request": f"/requests/{told.hostile}",
        "prompts": "/prompts",
        "prompt": f"/prompts/{serving}",
        "comparison": f"/prompts/compare?from=1&to={serving}",
        "confirmation": "/prompts/rollback?task_type=code_generation",
        "draft": f"/prompts/draft?from={serving}",
        "heals": "/heals",
        "heal": f"/heals/{told.healed}",
        "proposal": f"/heals/{proposed}",
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the one that CHROMIUM names.

    Playwright's event loop runs for as long as this does, and lets no other run in the process.
    """
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
            viewport={"width": width, "height": 900},
            **{
                "base_url": story.base_url,
                "locale": "en-US",
                "timezone_id": "Asia/Seoul",
                **options,
            },
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"{path}: {error}"))
        page.on(
            "console",
            lambda said: (
                complaints.append(f"{path}: {said.text}")
                if said.type == "error" and "status of 4" not in said.text
                else None
            ),
        )
        page.goto(path)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert not complaints


SitDown = Callable[..., Person]


@pytest.fixture(
    params=[("en-US", True), ("ko-KR", False)], ids=["English by keyboard", "Korean by mouse"]
)
def sit_down(request: pytest.FixtureRequest, open_page: OpenPage) -> SitDown:
    """Have a job done twice: in English by keyboard alone, and in Korean with a mouse."""
    language, uses_keyboard = request.param

    def sit_down_at(path: str, **options: Any) -> Person:
        return Person(open_page(path, locale=language, **options), language, uses_keyboard)

    return sit_down_at


def save_screen(page: Page, name: str) -> None:
    """Keep a picture of a whole page in the ignored folder of reports."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{quote(name)}.png", full_page=True)
