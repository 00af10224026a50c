"""A request is found, read and run again, by keyboard alone."""

from .conftest import OpenPage, Story, save_screen


def test_a_failed_request_is_found_and_run_again_under_what_serves(
    open_page: OpenPage, story: Story
) -> None:
    page = open_page("/requests")
    page.get_by_label("Outcome").focus()
    page.keyboard.type("failed")
    page.get_by_label("Task type").focus()
    page.keyboard.type("code")
    page.get_by_label("Text in input or answer").press("Enter")
    page.locator("tbody a").first.press("Enter")
    assert page.get_by_role("heading", name="What was run, and what came back").is_visible()
    assert page.locator("dl.stats a").inner_text() == "99"
    page.get_by_role("button", name="Run again").press("Enter")
    again = page.locator("#replay")
    again.wait_for()
    before, after = again.locator(".split .badge").all_inner_texts()
    assert float(before) < 0.7 <= float(after)
    shown = again.locator(".split > div").last.inner_text()
    assert "version 100" in shown
    assert "def " in shown
    save_screen(page, "request run again")


def test_a_request_is_found_by_the_first_digits_of_its_id(
    open_page: OpenPage, story: Story
) -> None:
    page = open_page("/requests")
    page.get_by_label("Id of a request").fill(story.request[:8])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/requests/{story.request}")
    assert page.get_by_role("heading", name="The answer").is_visible()
