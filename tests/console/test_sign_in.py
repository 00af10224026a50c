"""Signing in: who gets in, what each of them may do, and what stays when they have left."""

import re

from playwright.sync_api import expect

from .conftest import PASSWORD, SitDown, Story, save_screen
from .person import Person

# What changes something, on the pages that a viewer may read.
CHANGES = ("Approve", "Reject", "Undo", "Roll back", "Write a draft", "Serve it again", "Run again")


def sign_in(person: Person, name: str, password: str = PASSWORD) -> None:
    person.write(person.field("Name"), name)
    person.write(person.field("Password"), password)
    person.follow(person.find("button", "Sign in"))


def test_somebody_signs_in_is_known_and_leaves_nothing_behind(
    sit_down: SitDown, staffed: Story
) -> None:
    person = sit_down("/settings/keys", base_url=staffed.base_url)
    page = person.page
    expect(page).to_have_url(re.compile("/sign-in"))
    sign_in(person, "alice", "not her password")
    wrong = page.get_by_role("alert")
    expect(wrong).to_have_text(person.say("Name or password is wrong."))
    expect(person.field("Name")).to_have_value("alice")
    save_screen(page, f"sign-in refused {person.language}")
    sign_in(person, "alice")
    page.wait_for_url("**/settings/keys")
    person.write(person.field("Name"), f"made in {person.language}")
    person.follow(person.find("button", "Make the key"))
    expect(person.find("heading", "The new key")).to_be_visible()
    person.follow(person.find("link", "Audit"))
    expect(person.row("alice", person.say("made"))).to_contain_text("key")
    person.follow(person.find("button", "Sign out"))
    page.wait_for_url("**/sign-in")
    page.go_back()
    expect(person.find("heading", "Sign in")).to_be_visible()
    expect(page.get_by_text("alice")).to_have_count(0)
    page.goto("/settings/audit")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_a_viewer_reads_and_is_offered_no_change(sit_down: SitDown, staffed: Story) -> None:
    run = staffed.find_proposal()
    person = sit_down("/", base_url=staffed.base_url)
    page = person.page
    sign_in(person, "bob")
    person.follow(person.find("link", "Answer it").first)
    page.wait_for_url(f"**/heals/{run}")
    expect(person.find("heading", "What failed")).to_be_visible()
    serving = staffed.serving("json_extraction", "id")
    pages = [f"/heals/{run}", "/prompts", f"/prompts/{serving}", "/prompts/1"]
    for path in [*pages, f"/requests/{staffed.request}"]:
        page.goto(path)
        for change in CHANGES:
            named = re.compile(re.escape(person.say(change)))
            offered = page.get_by_role("button", name=named)
            offered = offered.or_(page.locator(".page__actions a").filter(has_text=named))
            assert offered.count() == 0, (path, change)
    person.go("Settings")
    tabs = person.find("navigation", "Settings").get_by_role("link")
    expect(tabs).to_have_text([person.say("Condition"), person.say("Audit")])
    page.goto("/settings/keys")
    expect(page.get_by_role("heading", level=1)).to_have_text(person.say("This isn't for you"))
    save_screen(page, f"forbidden {person.language}")
