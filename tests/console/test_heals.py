"""Heals: what happened is read in a minute; a repair is approved, and undone."""

from playwright.sync_api import expect

from .conftest import SitDown, Story, save_screen
from .person import matches_any_number


def test_a_heal_tells_what_failed_why_and_whether_it_is_good_now(
    sit_down: SitDown, story: Story
) -> None:
    person = sit_down("/")
    person.go("Heals")
    person.choose(person.field("Task type"), "code_generation")
    person.choose(person.field("Outcome"), person.say("Healed"))
    person.follow(person.find("button", "Filter"))
    person.follow(person.page.locator(f"a[href='/heals/{story.healed}']"))
    page = person.page
    told = page.get_by_role("heading", level=1)
    healed = "Healed: version %(after)s of %(task_type)s replaced version %(before)s"
    expect(told).to_have_text(person.say(healed, after=100, before=99, task_type="code_generation"))
    expect(page.get_by_text(person.say("The prompt is at fault."))).to_be_visible()
    failed = person.say(
        "%(count)s of %(scored)s scored answers failed, in %(clusters)s clusters of like requests."
    )
    expect(page.get_by_text(matches_any_number(failed))).to_be_visible()
    proof = page.get_by_role("img", name=person.say("Wealth of the bet after each pair"))
    expect(proof.filter(visible=True)).to_be_visible()
    person.follow(person.find("heading", "Requests that failed").locator("xpath=..//a").first)
    expect(person.find("heading", "What was asked")).to_be_visible()


def test_a_repair_is_approved_and_undone(sit_down: SitDown, story: Story) -> None:
    run = story.find_proposal()
    before = story.serving("json_extraction", "content")
    person = sit_down("/heals")
    row = person.row("json_extraction", person.say("Waits for an answer"))
    person.follow(row.get_by_role("link"))
    page = person.page
    page.wait_for_url(f"**/heals/{run}")
    will = "Approving serves the text below as a new version, from the next request on."
    expect(page.get_by_text(person.say(will))).to_be_visible()
    person.follow(person.find("button", "Approve"))
    expect(page.locator(".page__actions")).to_have_text(person.say("Approved"))
    assert story.serving("json_extraction", "content") != before
    person.follow(person.find("button", "Undo"))
    undone = person.say("It was undone: the text before it serves again.")
    expect(page.get_by_text(undone)).to_be_visible()
    expect(person.find("button", "Undo")).to_have_count(0)
    assert story.serving("json_extraction", "content") == before
    save_screen(page, f"heal undone {person.language}")
