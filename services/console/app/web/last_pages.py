"""The last good pages, for when the database is away: to whom they were shown, and nobody else."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from services.common.admin.schemas import Person
from services.console.app.web.viewer import Viewer

MAX_CHARACTERS: Final = 8_000_000
MAX_PAGE_CHARACTERS: Final = 500_000


@dataclass(frozen=True, slots=True)
class LastPage:
    """A page as it was shown; for nobody who may see other things by now."""

    content: str
    person: Person
    shown_at: datetime


class LastPages:
    """Keeps pages in memory, the latest ones, by session, language and address."""

    def __init__(self, max_characters: int = MAX_CHARACTERS) -> None:
        self._max_characters = max_characters
        self._characters = 0
        self._pages: OrderedDict[tuple[str, str, str], LastPage] = OrderedDict()

    def keep(self, viewer: Viewer, language: str, url: str, content: str) -> None:
        """Keep a page that was just shown to a viewer."""
        key = viewer.session, language, url
        self._drop(key)
        if len(content) > MAX_PAGE_CHARACTERS:
            return
        self._pages[key] = LastPage(content, viewer.person, datetime.now(UTC))
        self._characters += len(content)
        while self._characters > self._max_characters:
            self._drop(next(iter(self._pages)))

    def find(self, viewer: Viewer, language: str, url: str) -> LastPage | None:
        """Return what was last shown at an address to the same person in the same session."""
        page = self._pages.get((viewer.session, language, url))
        return page if page is not None and page.person == viewer.person else None

    def forget(self, session: str) -> None:
        """Drop all pages of a session that ended."""
        for key in [key for key in self._pages if key[0] == session]:
            self._drop(key)

    def _drop(self, key: tuple[str, str, str]) -> None:
        page = self._pages.pop(key, None)
        self._characters -= len(page.content) if page else 0
