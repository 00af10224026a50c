"""A person at the console: by keyboard alone or with a mouse, in either of its languages."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from services.console.app.web.texts import Texts

TEXTS = Texts()
MOST_STOPS = 250
HAS_FOCUS = "one => one === document.activeElement"
# Whoever uses no mouse sees where they are: a ring, and nothing of the page over it.
SHOWS_FOCUS = """one => {
    const style = getComputedStyle(one), box = one.getBoundingClientRect();
    const hit = document.elementFromPoint(box.left + box.width / 2, Math.min(innerHeight - 1,
        box.top + Math.min(box.height / 2, 8)));
    return one.matches(":focus-visible") && style.outlineStyle !== "none"
        && parseFloat(style.outlineWidth) >= 2 && hit !== null
        && (one.contains(hit) || hit.contains(one));
}"""


@dataclass
class Person:
    """Does what a test asks of somebody, in their way."""

    page: Page
    language: str
    uses_keyboard: bool

    def say(self, english: str, **values: object) -> str:
        """Say a sentence of the console in the person's language."""
        text = TEXTS.translator(self.language[:2])(english)
        return text % values if values else text

    def find(
        self, role: Any, english: str, within: Locator | None = None, **values: object
    ) -> Locator:
        """Find what has a role and a name, once it is there."""
        return (within or self.page.locator("body")).get_by_role(
            role, name=self.say(english, **values), exact=True
        )

    def row(self, *texts: str) -> Locator:
        """Find the first row of a table that has all these texts."""
        rows = self.page.get_by_role("row")
        for text in texts:
            rows = rows.filter(has_text=text)
        return rows.first

    def field(self, english: str) -> Locator:
        """Find what is to be filled in."""
        name = self.say(english)
        choice = self.page.get_by_role("combobox", name=name, exact=True)
        return choice.or_(self.page.get_by_label(name, exact=True))

    def go(self, page: str) -> None:
        """Go to a page by the menu."""
        menu = self.find("navigation", "Pages")
        self.follow(self.find("link", page, menu))

    def follow(self, control: Locator) -> None:
        """Press what leads to another page, and wait for that."""
        with self.page.expect_navigation():
            self.press(control)

    def press(self, control: Locator, key: str = "Enter") -> None:
        if not self.uses_keyboard:
            control.click()
            return
        self.reach(control)
        self.page.keyboard.press(key)

    def tick(self, box: Locator) -> None:
        self.press(box, "Space")

    def write(self, field: Locator, text: str) -> None:
        if not self.uses_keyboard:
            field.fill(text)
            return
        self.reach(field)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def choose(self, field: Locator, option: str) -> None:
        if not self.uses_keyboard:
            field.select_option(label=option)
            return
        self.reach(field)
        self.page.keyboard.type(option)

    def reach(self, control: Locator) -> None:
        """Go to a control by Tab, which must end, and must show where it is."""
        control.wait_for()
        for _ in range(MOST_STOPS):
            if control.evaluate(HAS_FOCUS):
                break
            self.page.keyboard.press("Tab")
        else:
            pytest.fail(f"{control} isn't reached by Tab on {self.page.url}")
        assert control.evaluate(SHOWS_FOCUS), f"{control} has the focus, and doesn't show it"


def matches_any_number(sentence: str) -> re.Pattern[str]:
    """Match a sentence whatever numbers its places have."""
    parts = re.split(r"%\(\w+\)[sd]", sentence)
    return re.compile(r"[\d.]+".join(re.escape(part.replace("%%", "%")) for part in parts))
