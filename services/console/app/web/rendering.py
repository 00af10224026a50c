"""Renders pages: one environment of templates, strict and escaping."""

from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from services.common.presentation import detail_reading
from services.common.presentation.visible_text import make_visible
from services.common.version import package_version
from services.console.app.web.last_pages import LastPages
from services.console.app.web.texts import LANGUAGES, choose_language, load_translation
from services.console.app.web.viewer import Viewer

TEMPLATES: Final = Path(__file__).parents[1] / "templates"
MAX_TEXT_CHARACTERS: Final = 20_000
# Where a kept page says how old it is; in anyone's text the sign before it is escaped.
NOTICES: Final = "<!-- notices -->"


@cache
def _make_environment(assets: str) -> Environment:
    """Make the environment of all applications of this process: it keeps what it compiled."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": show_moment,
        "line": show_line,
        "visible": show_text,
        "percent": show_percent,
        "number": show_number,
    }
    environment.globals |= {"merge_query": merge_query, "assets": assets}
    return environment


class Renderer:
    """Turns templates into pages."""

    def __init__(self, last_pages: LastPages, assets: str) -> None:
        self._texts = {language: load_translation(language) for language in LANGUAGES}
        self._last_pages = last_pages
        self._environment = _make_environment(assets)

    def page(
        self, request: Request, template: str, *, status_code: int = 200, **context: Any
    ) -> HTMLResponse:
        """Render a page, in the language of who looks at it, and keep a good one."""
        content = self._render(request, template, **context)
        viewer: Viewer | None = getattr(request.state, "viewer", None)
        if viewer is not None and request.method == "GET" and status_code == HTTPStatus.OK:
            url = self.address_of(request)
            self._last_pages.keep(viewer, choose_language(request), url, content)
        return HTMLResponse(content, status_code=status_code)

    def last_page(self, request: Request) -> HTMLResponse | None:
        """Return the page as it was last shown to the same person, with its age; or None."""
        viewer: Viewer | None = getattr(request.state, "viewer", None)
        if viewer is None or request.method != "GET":
            return None
        url = self.address_of(request)
        page = self._last_pages.find(viewer, choose_language(request), url)
        if page is None:
            return None
        seconds = int((datetime.now(UTC) - page.shown_at).total_seconds())
        notice = self._render(request, "last_page.html", shown_at=page.shown_at, seconds=seconds)
        return HTMLResponse(page.content.replace(NOTICES, notice, 1))

    @staticmethod
    def address_of(request: Request) -> str:
        """Return the path and the query of a page, by which it is shown again."""
        query = request.url.query
        return f"{request.url.path}?{query}" if query else request.url.path

    def _render(self, request: Request, template: str, **context: Any) -> str:
        language = choose_language(request)
        known = self._texts[language]
        return self._environment.get_template(template).render(
            {
                "_": lambda sentence: known.get(sentence, sentence),
                "language": language,
                "request": request,
                "path": request.url.path,
                "here": self.address_of(request) if request.method == "GET" else "/",
                "viewer": getattr(request.state, "viewer", None),
                "version": package_version(),
                "now": datetime.now(UTC),
                "is_workshop": request.app.state.settings.workshop,
                **context,
            }
        )


def render(request: Request, template: str, **context: Any) -> HTMLResponse:
    """Render a page with the renderer of the request's application."""
    renderer: Renderer = request.app.state.renderer
    return renderer.page(request, template, **context)


def show_moment(moment: datetime | None) -> Markup:
    """Write a moment in UTC; where scripts run they put it into the viewer's zone."""
    if moment is None:
        return Markup("<span class=quiet>–</span>")
    utc = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M:%S}"
    )


def show_line(value: object, most: int = 160) -> str:
    """Write anyone's text on one line, cut where it is long; nothing in it acts."""
    return "" if value is None else detail_reading.show_line(value, most=most)


def show_text(value: object, most: int = MAX_TEXT_CHARACTERS) -> str:
    """Write anyone's text with its line breaks, cut where it is very long; nothing in it acts."""
    text = "" if value is None else str(value)
    cut = "" if len(text) <= most else f"\n… ({len(text):,} characters in all)"
    return make_visible(text[:most]) + cut


def show_percent(share: float | None, digits: int = 0) -> str:
    """Write a share in [0, 1] as a percentage."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def show_number(value: float | None, digits: int = 0) -> str:
    """Write a number with its thousands apart."""
    return "–" if value is None else f"{value:,.{digits}f}"


def merge_query(request: Request, **changes: object) -> str:
    """Return the present page's address with other parameters; None takes one out."""
    kept = {name: value for name, value in request.query_params.items() if name not in changes}
    query = urlencode(kept | {name: str(v) for name, v in changes.items() if v is not None})
    return f"{request.url.path}?{query}" if query else request.url.path
