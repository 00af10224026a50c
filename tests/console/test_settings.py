"""Settings: a key is made, used and revoked; a message is tried; the audit tells who did what."""

import re

from playwright.sync_api import expect

from .conftest import FRIENDLY, SitDown, Story, save_screen


def test_a_key_is_made_shown_once_used_and_revoked(sit_down: SitDown, story: Story) -> None:
    person = sit_down("/")
    person.go("Settings")
    name = f"night shift {person.language}"
    person.write(person.field("Name"), name)
    person.tick(person.page.get_by_label("read", exact=True))
    person.follow(person.find("button", "Make the key"))
    page = person.page
    expect(person.find("heading", "The new key")).to_be_visible()
    [key] = re.findall(r"sh_[0-9a-f]{12}_[\w-]{43}", page.content())
    session = f"http://127.0.0.1:{story.system.port('manager')}/api/v1/admin/session"
    known = page.request.get(session, headers={"Authorization": f"Bearer {key}"}).json()
    assert known["person"]["name"] == f"key:{name}"
    assert "read" in known["person"]["scopes"]
    person.go("Settings")
    assert key not in page.content()
    row = person.row(name)
    person.press(row.get_by_text(person.say("valid"), exact=True))
    person.follow(person.find("button", "Revoke %(name)s", row, name=name))
    expect(person.row(name)).to_contain_text(person.say("revoked"))
    person.follow(person.find("link", "Audit"))
    person.choose(person.field("What was changed"), person.say("key"))
    person.follow(person.find("button", "Filter"))
    revoked = person.row("local", person.say("changed"))
    expect(revoked).to_contain_text("revoked_at")


def test_a_test_message_is_told_to_have_no_webhook(sit_down: SitDown, story: Story) -> None:
    person = sit_down("/settings/message")
    person.follow(person.find("button", "Send a test message"))
    waits = (
        "The test message waits for an Optimizer to send it. Load this page again in a moment; if "
        "it goes on waiting, no Optimizer runs."
    )
    expect(person.page.get_by_text(person.say(waits))).to_be_visible()
    story.optimize()
    person.follow(person.find("link", "Look again"))
    failed = person.page.get_by_role("alert")
    expect(failed).to_contain_text(person.say("The test message could not be sent."))
    expect(failed).to_contain_text("NOTIFY_WEBHOOK_URL")


def test_who_put_the_bad_prompt_there_is_found(sit_down: SitDown, story: Story) -> None:
    person = sit_down("/settings/audit")
    person.write(person.field("Task type"), "json_extraction")
    person.follow(person.find("button", "Filter"))
    page = person.page
    table = page.get_by_role("table")
    expect(table).not_to_contain_text("code_generation")
    made = person.row(person.say("made"), FRIENDLY)
    person.press(made.locator("summary"))
    expect(made.get_by_text(FRIENDLY)).to_be_visible()
    expect(made).to_contain_text("kim")
    save_screen(page, f"audit {person.language}")
