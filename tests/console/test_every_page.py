"""What holds for every page: axe finds nothing, nothing is cut, and scripts may be off."""

from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest

from .conftest import OpenPage, Story, save_screen

AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Left to right: what sticks out of the window, but for what scrolls within a frame of its own.
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
PAGES = [
    "now",
    "requests",
    "request",
    "hostile request",
    "prompts",
    "prompt",
    "comparison",
    "confirmation",
    "draft",
    "heals",
    "heal",
    "proposal",
    "task types",
    "task type",
    "evaluator",
    "keys",
    "people",
    "message",
    "condition",
    "audit",
    "workshop",
    "not found",
    "sign in",
]
WIDTHS = [320, 375, 768, 1280, 1920, 2560]
THEMES = ["light", "dark"]
LANGUAGES = ["en-US", "ko-KR"]
QUICK = [(375, "dark", "ko-KR"), (1280, "light", "en-US")]
# Every pair of a width, a theme and a language, in half of all ways to join the three.
PAIRWISE = [
    (width, theme, LANGUAGES[(row + column + 1) % 2])
    for row, width in enumerate(WIDTHS)
    for column, theme in enumerate(THEMES)
]
WHOLE = [one for one in PAIRWISE if one not in QUICK]


@pytest.fixture(scope="session")
def urls(story: Story, staffed: Story) -> dict[str, str]:
    """Where each page is; on the story's system nobody has to sign in."""
    return story.urls | {"sign in": f"{staffed.base_url}/sign-in"}


def check_page(
    open_page: OpenPage, url: str, name: str, *, width: int, theme: Any, language: str
) -> None:
    page = open_page(url, width=width, color_scheme=theme, locale=language)
    assert page.locator("h1").count() == 1
    assert page.title() != "HACKED"
    assert page.locator("html").get_attribute("lang") == language[:2]
    assert page.evaluate(OVERFLOW) <= 0, f"{name} is wider than {width} px"
    page.evaluate(AXE)
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
    told = [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary'][:300]})"
        for one in found["violations"]
        for node in one["nodes"][:3]
    ]
    assert not told, "\n".join(told)
    save_screen(page, f"{name}-{width}-{theme}-{language[:2]}")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_and_accessible(
    open_page: OpenPage, urls: dict[str, str], name: str
) -> None:
    for width, theme, language in QUICK:
        check_page(open_page, urls[name], name, width=width, theme=theme, language=language)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_at_every_width_in_both_themes_and_languages(
    open_page: OpenPage, urls: dict[str, str], name: str
) -> None:
    for width, theme, language in WHOLE:
        check_page(open_page, urls[name], name, width=width, theme=theme, language=language)


@pytest.mark.parametrize("name", [name for name in PAGES if name != "not found"])
def test_a_page_can_be_read_without_scripts(
    open_page: OpenPage, urls: dict[str, str], name: str
) -> None:
    page = open_page(urls[name], java_script_enabled=False)
    assert page.locator("h1").inner_text()
    shown = page.locator("time").all_text_contents()
    assert all(text.endswith("UTC") for text in shown)


def test_every_pair_of_width_theme_and_language_is_tried() -> None:
    pairs = {pair for one in [*WHOLE, *QUICK] for pair in combinations(one, 2)}
    kinds = combinations((WIDTHS, THEMES, LANGUAGES), 2)
    assert pairs == {pair for kind in kinds for pair in product(*kind)}


def test_the_pages_tried_are_all_there_are(urls: dict[str, str]) -> None:
    assert sorted(urls) == sorted(PAGES)


def test_times_are_in_the_viewers_zone_and_say_so(open_page: OpenPage, story: Story) -> None:
    page = open_page(story.urls["request"])
    shown = page.locator("time").first
    assert "GMT+9" in shown.inner_text()
    assert "Asia/Seoul" in page.locator("[data-zone]").inner_text()
