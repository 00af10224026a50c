"""Prompts: two versions are compared, one is taken back, and a draft goes through the gate."""

from playwright.sync_api import expect

from .conftest import SitDown, Story, save_screen
from .person import Person, matches_any_number

GATE_MS = 30_000
DECIDED = (
    "The gate has decided: whether the draft is better, and what is left to do, is on the next "
    "page."
)
SELECT_SEED = "SELECT content FROM prompts WHERE task_type = 'json_extraction' AND version = 1"


def show_versions(person: Person, task_type: str) -> None:
    person.go("Prompts")
    person.choose(person.field("Task type"), task_type)
    person.follow(person.find("button", "Show"))
    person.page.wait_for_url(f"**/prompts?task_type={task_type}")


def test_two_versions_are_compared_word_by_word(sit_down: SitDown, story: Story) -> None:
    person = sit_down("/")
    show_versions(person, "code_generation")
    version = person.say("version %(version)s", version=99)
    person.follow(person.page.get_by_role("link", name=f"{person.say('Compare')} {version}"))
    difference = person.page.locator(".diff")
    expect(difference.locator("del").filter(has_text="hello world")).to_be_visible()
    person.follow(person.find("link", "The other way round"))
    expect(difference.locator("ins").filter(has_text="hello world")).to_be_visible()


def test_a_version_is_rolled_back_once_it_is_said_what_that_does(
    sit_down: SitDown, story: Story
) -> None:
    story.break_prompt()
    before = story.serving("json_extraction", "content")
    person = sit_down("/")
    show_versions(person, "json_extraction")
    person.follow(person.find("link", "Roll back"))
    assert story.serving("json_extraction", "content") == before
    will = person.say(
        "The text of version %(target)s serves as a new version, in place of version %(serving)s, "
        "from the next request on."
    )
    expect(person.page.get_by_text(matches_any_number(will))).to_be_visible()
    save_screen(person.page, f"confirmation of a rollback {person.language}")
    person.write(person.field("Why, for the record"), "it rhymes")
    person.follow(person.find("button", "Roll back"))
    expect(person.page.get_by_text(person.say("serves now")).first).to_be_visible()
    assert story.serving("json_extraction", "content") != before
    person.follow(person.find("link", "All versions"))
    expect(person.row("it rhymes", person.say("serves"))).to_be_visible()


def test_a_draft_is_tried_sent_through_the_gate_and_taken_by_an_optimizer(
    sit_down: SitDown, story: Story
) -> None:
    story.break_prompt()
    person = sit_down("/")
    draft = f"{story.system.psql(SELECT_SEED)}\nKeep to this, as {person.language} asks for it."
    show_versions(person, "json_extraction")
    page = person.page
    person.follow(person.find("link", "Write a draft"))
    person.write(person.field("Text"), draft)
    person.follow(person.find("button", "Try it"))
    tried = person.say(
        "Draft: %(draft)s of %(pairs)s pass; what serves: %(serving)s. The Worker was asked "
        "%(calls)s times.",
    )
    expect(page.get_by_text(matches_any_number(tried))).to_be_visible()
    expect(person.find("heading", "The draft beside what serves")).to_be_visible()
    save_screen(page, f"draft tried {person.language}")
    person.write(person.field("Why, for the record"), "the old text did well")
    person.follow(person.find("button", "Send it through the gate"))
    page.wait_for_url("**/jobs/*")
    job = page.locator("#job")
    expect(job).to_contain_text(person.say("Waits for an Optimizer"))
    story.optimize()
    expect(job).to_contain_text(person.say(DECIDED), timeout=GATE_MS)
    person.follow(person.find("link", "See what was found"))
    person.follow(person.find("button", "Approve"))
    expect(page.locator(".page__actions")).to_have_text(person.say("Approved"))
    assert story.serving("json_extraction", "content") == draft
