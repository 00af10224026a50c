"""Task types, Evaluator, settings and workshop: each page's main job, as a person does it."""

import re

from .conftest import OpenPage, Story


def test_a_key_is_made_shown_once_and_revoked(open_page: OpenPage, story: Story) -> None:
    page = open_page(story.urls["keys"])
    page.get_by_label("Name").fill("night shift")
    page.get_by_label("read").check()
    page.get_by_role("button", name="Make the key").press("Enter")
    [key] = re.findall(r"sh_[0-9a-f]{12}_[\w-]{43}", page.content())
    page.goto(story.urls["keys"])
    assert key not in page.content()
    row = page.get_by_role("row", name="night shift")
    row.get_by_text("valid").press("Enter")
    row.get_by_role("button", name="Revoke night shift").press("Enter")
    assert page.get_by_role("row", name="night shift").get_by_text("revoked").is_visible()


def test_an_answer_is_judged_and_its_verdict_told(open_page: OpenPage, story: Story) -> None:
    page = open_page(story.urls["evaluator"], locale="ko-KR")
    page.get_by_label("요청", exact=True).fill("Write add(a, b): add(1, 2) == 3")
    page.get_by_label("답", exact=True).fill("def add(a, b):\n    return a - b")
    page.get_by_role("button", name="평가하기").press("Enter")
    verdict = page.locator("#verdict").inner_text()
    assert "실패 0.400" in verdict
    assert "add(1, 2) gave -1, and the request says 3" in verdict


def test_who_put_the_bad_prompt_there_is_found(open_page: OpenPage, story: Story) -> None:
    page = open_page(story.urls["audit"])
    page.get_by_label("Task type").fill("json_extraction")
    page.get_by_role("button", name="Filter").press("Enter")
    assert "code_generation" not in page.get_by_role("table").inner_text()
    for row in page.get_by_text("columns").all():
        row.click()
    assert "Just say hello." in page.get_by_role("table").inner_text()


def test_a_task_type_tells_what_can_be_proven(open_page: OpenPage, story: Story) -> None:
    page = open_page(story.urls["task types"])
    page.get_by_role("link", name="code_generation").press("Enter")
    assert "points or more can be proven" in page.locator("main").inner_text()
    page.locator("summary").filter(has_text="with checks").last.press("Enter")
    page.get_by_text("What the checks expect").last.press("Enter")


def test_the_workshop_has_seen_every_step(open_page: OpenPage, story: Story) -> None:
    page = open_page(story.urls["workshop"])
    assert page.get_by_role("img", name="done").count() == 9
    assert page.get_by_role("img", name="not yet").count() == 0
