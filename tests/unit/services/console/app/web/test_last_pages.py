"""The last good pages: bounded, and dropped with their session."""

from services.common.admin.schemas import Person, SessionView
from services.console.app.web import last_pages
from services.console.app.web.last_pages import LastPages
from services.console.app.web.viewer import Viewer

ADA = Person(name="ada", kind="user", scopes=["read"])
VIEW = SessionView(person=ADA, csrf_token="t", password=True, oidc=False, second_person=False)


def viewer(session: str) -> Viewer:
    return Viewer(ADA, VIEW, session)


def test_the_oldest_go_first_and_a_newer_one_takes_its_place() -> None:
    pages = LastPages(max_characters=10)
    for url, content in (("/a", "1234"), ("/b", "1234"), ("/a", "56"), ("/c", "12345")):
        pages.keep(viewer("s"), "en", url, content)
    shown = {url: pages.find(viewer("s"), "en", url) for url in ("/a", "/b", "/c")}
    assert shown["/b"] is None
    assert shown["/a"] is not None
    assert shown["/a"].content == "56"
    assert shown["/c"] is not None


def test_a_huge_page_is_not_kept_and_its_earlier_one_goes() -> None:
    pages = LastPages()
    pages.keep(viewer("s"), "en", "/a", "small")
    pages.keep(viewer("s"), "en", "/a", "x" * (last_pages.MAX_PAGE_CHARACTERS + 1))
    assert pages.find(viewer("s"), "en", "/a") is None


def test_a_language_is_a_page_of_its_own() -> None:
    pages = LastPages()
    pages.keep(viewer("s"), "ko", "/a", "가")
    assert pages.find(viewer("s"), "en", "/a") is None


def test_a_session_that_ended_leaves_nothing() -> None:
    pages = LastPages()
    pages.keep(viewer("s"), "en", "/a", "1")
    pages.keep(viewer("t"), "en", "/a", "2")
    pages.forget("s")
    assert pages.find(viewer("s"), "en", "/a") is None
    assert pages.find(viewer("t"), "en", "/a") is not None
