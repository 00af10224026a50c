"""Requests: one that failed is found by its text, understood, and run again."""

from playwright.sync_api import expect

from .conftest import OpenPage, SitDown, Story, save_screen


def test_a_failed_request_is_found_understood_and_run_again(
    sit_down: SitDown, story: Story
) -> None:
    person = sit_down("/")
    person.go("Requests")
    person.write(person.field("Text in input or answer"), "counts the vowels")
    person.choose(person.field("Outcome"), person.say("failed"))
    person.write(person.field("Prompt version"), "99")
    person.follow(person.find("button", "Show"))
    page = person.page
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("counts the vowels")
    person.follow(rows.get_by_role("link"))
    expect(page.locator(".verdict").first).to_contain_text(person.say("failed"))
    expect(person.find("heading", "What was run, and what came back")).to_be_visible()
    expect(person.row(person.say("failed")).locator("td").last).not_to_be_empty()
    person.follow(person.find("button", "Run again"))
    again = page.locator("#replay")
    expect(again.locator(".split .badge")).to_have_count(2)
    before, after = again.locator(".split .badge").all_inner_texts()
    assert float(before) < 0.7 <= float(after)
    shown = again.locator(".split > div").last
    version = story.serving("code_generation")
    expect(shown).to_contain_text(person.say("Run again, version %(v)s", v=version))
    expect(shown).to_contain_text("def ")
    save_screen(page, f"request run again {person.language}")


def test_a_request_is_found_by_the_first_digits_of_its_id(
    open_page: OpenPage, story: Story
) -> None:
    page = open_page("/requests")
    page.get_by_label("Id of a request").fill(story.request[:8])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/requests/{story.request}")
    assert page.get_by_role("heading", name="The answer").is_visible()
