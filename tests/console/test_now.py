"""Now: what is wrong is said in a sentence, and a page that is open hears of what happens."""

from playwright.sync_api import expect

from .conftest import OpenPage, SitDown, Story, save_screen
from .person import matches_any_number

RENEWED_MS = 30_000


def test_an_alarm_is_read_and_followed_to_its_repair(sit_down: SitDown, story: Story) -> None:
    run = story.find_proposal()
    person = sit_down("/heals")
    person.go("Now")
    word = person.find("region", "Whether all is well")
    failing = person.say("%(failed)s of the last %(scored)s answers of %(task_type)s failed.")
    failing = failing.replace("%(task_type)s", "json_extraction")
    expect(word.locator(".verdict")).to_have_text(matches_any_number(failing))
    waiting = person.say("A proven repair waits for your answer: approve or reject it.")
    expect(word.locator(".verdict")).to_contain_text(waiting)
    person.follow(person.find("link", "Answer it", word).first)
    person.page.wait_for_url(f"**/heals/{run}")
    expect(person.find("button", "Approve")).to_be_visible()


def test_an_alarm_can_be_read_without_scripts(open_page: OpenPage, story: Story) -> None:
    run = story.find_proposal()
    page = open_page("/", java_script_enabled=False)
    page.get_by_role("link", name="Answer it").first.click()
    assert page.url.endswith(f"/heals/{run}")
    assert page.get_by_role("heading", name="What failed").is_visible()
    assert page.get_by_role("heading", name="Whose fault, and why we think so").is_visible()


def test_an_open_page_tells_of_a_heal_without_being_loaded_anew(
    open_page: OpenPage, story: Story
) -> None:
    page = open_page("/")
    page.evaluate("window.isTheSamePage = true")
    story.fail_requests()
    story.optimize()
    version = story.serving("json_extraction")
    told = page.get_by_role("region", name="Whether all is well")
    healed = f"Version {version} of json_extraction was healed and is under watch"
    expect(told).to_contain_text(healed, timeout=RENEWED_MS)
    card = page.get_by_role("article").filter(has_text="json_extraction").first
    expect(card.get_by_role("link", name=f"Version {version}")).to_be_visible()
    expect(card.locator("time").first).to_contain_text("GMT+9")
    assert page.evaluate("window.isTheSamePage") is True
    save_screen(page, "now after a heal")
